/**
 * Where a webhook may lead: never into a private network, which whoever sets it could otherwise reach through us. Checked
 * when it is set, to say so at once, and at every delivery, because a name may lead elsewhere by then.
 */
import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Network = ReturnType<typeof ipaddr.parseCIDR>;

export interface WebhookRules {
  readonly ports: readonly number[];
  /** Private networks that receivers may be in. */
  readonly networks: readonly Network[];
}

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Says why in words for the tenant's owner; it names no address that a name leads to. */
export class RefusedAddressError extends Error {
  override readonly name = 'RefusedAddressError';
}

/** @returns null: this installation sends none. @throws Error for settings that are none */
export function webhookRules(settings: {
  readonly WEBHOOK_PORTS: string;
  readonly WEBHOOK_ALLOWED_NETWORKS: string;
}): WebhookRules | null {
  const ports = listOf(settings.WEBHOOK_PORTS).map((text) => {
    const port = Number(text);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new Error(`WEBHOOK_PORTS holds '${text}', allowed are ports, separated by commas: '443,8443'`);
    return port;
  });
  const networks = listOf(settings.WEBHOOK_ALLOWED_NETWORKS).map((text) => {
    if (!ipaddr.isValidCIDR(text))
      throw new Error(`WEBHOOK_ALLOWED_NETWORKS holds '${text}', allowed are networks: '10.1.0.0/16,fd00::/8'`);
    return ipaddr.parseCIDR(text);
  });
  return ports.length > 0 ? { ports, networks } : null;
}

/** What can be said of it without a look at DNS. @throws RefusedAddressError */
export function parseReceiver(text: string, { ports }: WebhookRules): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !['https:', 'http:'].includes(url.protocol))
    throw new RefusedAddressError(`The address is '${text}'; allowed is 'https://host/path'.`);
  if (url.username || url.password || url.hash)
    throw new RefusedAddressError('The address holds a password or a #fragment; allowed is none. Requests are signed.');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (!ports.includes(port))
    throw new RefusedAddressError(
      `The port is ${port}; this installation allows ${ports.join(', ')} (WEBHOOK_PORTS, docs/webhooks.md).`,
    );
  return url;
}

export type Resolve = (name: string) => Promise<readonly string[]>;

/**
 * The addresses that may be connected to: all that the name leads to, or none.
 *
 * @throws RefusedAddressError; what `resolve` throws when DNS does not know the name, or does not answer
 */
export async function allowedAddresses(
  url: URL,
  { networks }: WebhookRules,
  resolve: Resolve = resolveName,
): Promise<readonly Address[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const found = isIP(host) ? [host] : await resolve(host);
  for (const text of found) {
    const address = ipaddr.process(text);
    if (networks.some((network) => address.kind() === network[0].kind() && address.match(network))) continue;
    if (!isPublic(address))
      throw new RefusedAddressError(
        'The address is in a private network; allowed are public ones and WEBHOOK_ALLOWED_NETWORKS (docs/webhooks.md).',
      );
    if (url.protocol === 'http:')
      throw new RefusedAddressError(
        'The address begins with http:, which everybody on the way can read; allowed is https:.',
      );
  }
  return found.map((address) => ({ address, family: isIP(address) as 4 | 6 }));
}

const globalUnicast = ipaddr.parseCIDR('2000::/3');

/** What the registries give to networks that everybody reaches; of IPv6 one block alone, where no IPv4 address hides. */
const isPublic = (address: ReturnType<typeof ipaddr.process>): boolean =>
  address.range() === 'unicast' && (address.kind() === 'ipv4' || address.match(globalUnicast));

/** Together less than a delivery may take. Not `dns.lookup`: a slow name would hold one of the few threads that read files. */
const dnsTimeoutMs = 1500;
const dnsTries = 2;

async function resolveName(name: string): Promise<readonly string[]> {
  // Names of this machine itself, which no DNS is asked for (RFC 6761).
  if (/^(.+\.)?localhost\.?$/.test(name)) return ['127.0.0.1', '::1'];
  const resolver = new Resolver({ timeout: dnsTimeoutMs, tries: dnsTries });
  const [four, six] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const found = [four, six].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (found.length === 0) throw (four as PromiseRejectedResult).reason;
  return found;
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
