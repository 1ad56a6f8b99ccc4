/**
 * Parts that a company has already, named instead of made. What each must fulfil: docs/existing-parts.md. The hosted zone,
 * the certificate and the cluster have settings of their own (`aws.hostedZoneId`, `aws.certificateArn`, `kubernetes`).
 */
import { z } from 'zod';

const id = (kind: string) =>
  z.string().regex(new RegExp(`^${kind}-[0-9a-f]{8,17}$`), `must be as in '${kind}-0123abcd'`);
const subnets = z
  .array(id('subnet'))
  .max(3)
  .refine((ids) => new Set(ids).size === ids.length, 'each subnet once');

export const existingSchema = z.strictObject({
  /** A VPC with its subnets, its way out and its private endpoints: `aws.vpcCidr` is then not used, `nat` and `endpoints` are refused. */
  network: z
    .strictObject({
      vpcId: id('vpc'),
      /** For the public balancer: one per zone, in the order of `aws.zones`. */
      publicSubnetIds: subnets,
      /** For the tiers and the internal balancer: one per zone, in the order of `aws.zones`. */
      privateSubnetIds: subnets,
      /** For PostgreSQL and Redis where they are made here: two or more. @default [] */
      dataSubnetIds: subnets.default([]),
      /** Group of its private endpoints to AWS APIs. @default none: APIs are reached over the way out */
      endpointSecurityGroupId: id('sg').optional(),
    })
    .optional(),
  /** A PostgreSQL of RDS or Aurora, on port 5432: `aws.postgres` is then not used. The owner's URL is put by hand. */
  postgres: z
    .strictObject({
      /** @example 'company.abc123.us-east-1.rds.amazonaws.com' */
      host: z.string().regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, "must be a host name, as in 'db.company.internal'"),
      /** @default 'bulkhead' */
      database: z
        .string()
        .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'must be a name in lower case')
        .default('bulkhead'),
      securityGroupId: id('sg'),
      /** Connections that it leaves to this environment; the tiers' pools must fit. */
      connectionsMax: z.int().positive(),
    })
    .optional(),
  /** A Valkey or Redis with TLS, on port 6379: `aws.redis` is then not used. Its URL is put by hand. */
  redis: z.strictObject({ securityGroupId: id('sg') }).optional(),
  /**
   * A bucket that holds nothing else: `aws.noncurrentDays` is then not used.
   * Names: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
   */
  documents: z
    .strictObject({
      bucket: z
        .string()
        .regex(
          /^[a-z0-9]([a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/,
          'must be a bucket name: 3 to 63 of a-z, 0-9, - and single dots, a letter or digit at both ends',
        )
        .refine((name) => !/^\d+(\.\d+){3}$/.test(name), 'must be a bucket name, not an IP address')
        .refine(
          (name) => !/^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name),
          'must be a general purpose bucket: an alias, an access point, a directory bucket and a table bucket keep no versions of objects, or are none',
        ),
    })
    .optional(),
  /** A KMS key of the same region. */
  keyArn: z
    .string()
    .regex(
      /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[0-9a-zA-Z-]+$/,
      "must be a key's ARN, as in 'arn:aws:kms:...:key/...'",
    )
    .optional(),
});

export type Existing = z.output<typeof existingSchema>;
