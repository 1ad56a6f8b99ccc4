/** Network, stores and who is told: all that tiers stand on, each with the fewest props that it takes. */
import { DataAwsCallerIdentity } from '@cdktf/provider-aws/lib/data-aws-caller-identity/index.js';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { PlanRole } from '../access/plan-role.ts';
import { Certificate } from '../network/certificate.ts';
import { Network } from '../network/network.ts';
import { AlarmTopic } from '../observability/alarm-topic.ts';
import { AuditLogs } from '../observability/audit-logs.ts';
import { CostGuard } from '../observability/cost-guard.ts';
import { DocumentStore } from '../stores/document-store.ts';
import { ImageRegistry } from '../stores/image-registry.ts';
import { Key } from '../stores/key.ts';
import { Postgres } from '../stores/postgres.ts';
import { Redis } from '../stores/redis.ts';
import { ServiceKeys } from '../stores/service-keys.ts';

export interface StoresProps {
  /** Prefix of every name. @example 'example-dev' */
  readonly prefix: string;
  readonly region: string;
  /** Of the certificate. */
  readonly host: string;
}

export class StoresStack extends TerraformStack {
  constructor(scope: Construct, id: string, { prefix, region, host }: StoresProps) {
    super(scope, id);
    new AwsProvider(this, 'aws', { region });
    const { accountId } = new DataAwsCallerIdentity(this, 'account');
    // What is not ephemeral refuses to be destroyed.
    const ephemeral = true;
    const keyArn = new Key(this, 'key', { prefix, region, accountId, ephemeral }).arn;
    const network = new Network(this, 'network', {
      prefix,
      region,
      zones: ['a', 'b'],
      cidr: '10.0.0.0/16',
      nat: 'instance',
      natInstance: {
        ami: { what: 'AMI', value: 'ami-0123456789abcdef0', remedy: 'choose an Amazon Linux 2023' },
        instanceType: 't4g.nano',
        accountId,
      },
      endpoints: true,
      auditLogs: true,
    });
    const { vpcId, dataSubnetIds: subnetIds } = network;
    new Postgres(this, 'postgres', {
      prefix,
      vpcId,
      subnetIds,
      keyArn,
      ephemeral,
      instanceClass: 'db.t4g.micro',
      storageGiB: 20,
      multiAz: false,
      backupDays: 7,
      majorVersion: '17',
      logRetentionDays: 30,
      tiers: ['api', 'chat'],
      versions: {},
    });
    new Redis(this, 'redis', { prefix, vpcId, subnetIds, keyArn, ephemeral, nodeType: 'cache.t4g.micro', nodes: 1 });
    const documents = new DocumentStore(this, 'documents', {
      prefix,
      accountId,
      keyArn,
      ephemeral,
      noncurrentDays: 30,
      auditLogs: true,
    });
    new AuditLogs(this, 'audit-logs', {
      prefix,
      accountId,
      ephemeral,
      retentionDays: 90,
      vpcId,
      documentsBucket: documents.bucket,
    });
    new ImageRegistry(this, 'images', { prefix, keyArn, ephemeral, services: ['api', 'chat'] });
    new ServiceKeys(this, 'service-keys', { prefix, keyArn, ephemeral, callers: ['api', 'chat'] });
    new Certificate(this, 'certificate', { host, hostedZoneId: 'Z0123456789', accountId });
    const alarms = new AlarmTopic(this, 'alarms', { prefix, accountId, keyArn, email: 'ops@example.com' });
    new CostGuard(this, 'cost-guard', {
      prefix,
      environment: 'dev',
      monthlyCeilingUsd: 200,
      topicArn: alarms.arn,
    });
    new PlanRole(this, 'plan-role', {
      prefix,
      environment: 'dev',
      region,
      trust: { principalArns: ['arn:aws:iam::123456789012:role/ci'] },
      stateBucket: 'example-dev-state',
      accountId,
      keyArn,
    });
  }
}
