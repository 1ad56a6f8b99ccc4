/**
 * The `aws` block of an environment: where it lies in AWS and how its shared parts are sized. Every default is the
 * choice for a small environment that is safe to lose nothing in.
 */
import { z } from 'zod';
import { existingSchema } from './existing.ts';
import { firewallSchema } from './firewall.ts';
import { planRoleSchema } from './plan-role.ts';
import { secretVersionsSchema } from './secret-versions.ts';

const count = z.int().positive();

/** Days that CloudWatch Logs accepts. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const retentionDays = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827] as const;

/** The way out to the internet for tiers in private subnets. */
export const natChoices = ['none', 'instance', 'single', 'per-az'] as const;
export type NatChoice = (typeof natChoices)[number];

export const awsSchema = z
  .strictObject({
    /** @example 'us-east-1' */
    region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "must be a region's code, as in 'us-east-1'"),
    /** Letters of the availability zones, written down: a list asked from AWS changes when a zone is added. @default ['a', 'b'] */
    zones: z
      .array(z.string().regex(/^[a-z]$/, "must be a zone's letter"))
      .min(2)
      .max(3)
      .default(['a', 'b'])
      .refine((zones) => new Set(zones).size === zones.length, 'each zone once'),
    /** Deploys to any other account are refused. @default any */
    accountId: z
      .string()
      .regex(/^\d{12}$/, 'must be 12 digits')
      .optional(),
    /** Bucket of the Terraform state, made by `npm run bootstrap -- <env>`. */
    stateBucket: z.string().regex(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, 'must be a bucket name: 3 to 63 of a-z, 0-9, -'),
    /** Where people reach the service, over https only. @example 'chat.example.com' */
    publicHost: z.string().regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, "must be a host name, as in 'chat.example.com'"),
    /** Route 53 zone of `publicHost`: its records are then kept by the stack. @default records are set by hand */
    hostedZoneId: z.string().min(1).optional(),
    /** An existing certificate in ACM. @default one is requested and validated by DNS */
    certificateArn: z.string().startsWith('arn:').optional(),
    /** CPUs of images, instances and tasks; Arm costs about a fifth less. @default 'arm64' */
    architecture: z.enum(['arm64', 'x86_64']).default('arm64'),
    /** Amazon Linux 2023 image of instances, of the architecture above. Needed by 'vm' tiers and `nat: 'instance'`. */
    ami: z
      .string()
      .regex(/^ami-[0-9a-f]{8,17}$/, "must be an AMI id, as in 'ami-0123456789abcdef0'")
      .optional(),
    /** Way out to the internet: none needs built-in models; instance is cheap; per-az survives a zone. @default 'single' */
    nat: z.enum(natChoices).default('single'),
    /** Private endpoints for AWS APIs; without a way out they are needed. @default true with `nat: 'none'` */
    endpoints: z.boolean().optional(),
    /** @default '10.0.0.0/16' */
    vpcCidr: z
      .string()
      .regex(/^\d+\.\d+\.0\.0\/16$/, "must be a /16 block, as in '10.0.0.0/16'")
      .default('10.0.0.0/16'),
    /** True: state may be destroyed, there are no final snapshots and no deletion protection. @default false */
    ephemeral: z.boolean().default(false),
    postgres: z
      .strictObject({
        /** @default 'db.t4g.micro' */
        instanceClass: z.string().startsWith('db.').default('db.t4g.micro'),
        /** gp3 starts at 20. @default 20 */
        storageGiB: count.min(20).max(16_384).default(20),
        /** A standby in another zone. @default false */
        multiAz: z.boolean().default(false),
        /** Days of point-in-time recovery. @default 7 */
        backupDays: z.int().min(1).max(35).default(7),
        /** @default '18' */
        majorVersion: z.enum(['16', '17', '18']).default('18'),
      })
      .prefault({}),
    redis: z
      .strictObject({
        /** @default 'cache.t4g.micro' */
        nodeType: z.string().startsWith('cache.').default('cache.t4g.micro'),
        /** 1 has no failover: its content can be rebuilt. @default 1 */
        nodes: count.max(6).default(1),
      })
      .prefault({}),
    /** AWS WAF before the public balancer; the sheet has what it costs. @default none */
    firewall: firewallSchema.optional(),
    /** Parts that are there already, named instead of made. @default {} */
    existing: existingSchema.prefault({}),
    /** A higher number is a new value; `npm run rotate` writes it beside the environment, as secrets.<env>.json. @default {} */
    secretVersions: secretVersionsSchema.default({}),
    /** @default 30 */
    logRetentionDays: z.literal(retentionDays).default(30),
    /** Connections of the VPC and requests to balancers and bucket, kept in a bucket of their own. @default true */
    auditLogs: z.boolean().default(true),
    /** Days until a replaced or deleted object is gone for good. @default 30 */
    noncurrentDays: count.max(365).default(30),
    /** Synth fails above it, and the AWS budget alarms at 50, 80 and 100 % of it. */
    monthlyCeilingUsd: z.number().positive(),
    /** Gets alarms and budget warnings, after confirming by mail. @default nobody */
    alarmEmail: z.email().optional(),
    /** A role that may plan and change nothing, for CI. @default none */
    planRole: planRoleSchema.optional(),
    /** Company sign-in. Its client secret is put into Secrets Manager by hand. */
    oidc: z
      .strictObject({
        issuer: z.url(),
        clientId: z.string().min(1),
        /**
         * Trusts addresses without `email_verified`. Where people choose their address at the issuer themselves,
         * everybody there can then sign in as everybody here. @default false
         */
        trustUnverifiedEmail: z.boolean().default(false),
      })
      .optional(),
    /**
     * Mail server for sign-in links: its URL with user and password is put into the secret SMTP_URL by hand.
     * @default none: who adds a person is shown their link, and could use it
     */
    mail: z.strictObject({ from: z.email(), port: z.union([z.literal(465), z.literal(587)]).default(587) }).optional(),
  })
  .transform((aws) => ({ ...aws, endpoints: aws.endpoints ?? aws.nat === 'none' }));

export type Aws = z.output<typeof awsSchema>;
