/** `aws.firewall`: a web firewall (AWS WAF) before the public balancer. */
import { z } from 'zod';

export const firewallSchema = z.strictObject({
  /**
   * Networks that may come in; everybody else gets 403. The balancer has IPv4 addresses only, and WAF takes no /0: who
   * lets everybody in leaves it out. One list holds 10,000; above 100 it is kept elsewhere, not written by hand.
   * @default everybody. @example ['203.0.113.0/24']
   */
  allowedCidrs: z
    .array(z.cidrv4().refine((cidr) => !cidr.endsWith('/0'), "must be narrower than '/0'; leave allowedCidrs out"))
    .min(1, 'given none, which lets nobody in; allowed: 1 to 100 networks, or leave it out')
    .max(100)
    .refine((cidrs) => new Set(cidrs).size === cidrs.length, 'each network once')
    .optional(),
  /**
   * Requests of one address in five minutes; above it gets 403 until it asks less. 100 people behind one address of
   * their office, each with 20 requests a minute; WAF's least is 10. @default 10000
   */
  requestsPerFiveMinutes: z.int().min(10).max(2_000_000_000).default(10_000),
});

export type FirewallSettings = z.output<typeof firewallSchema>;
