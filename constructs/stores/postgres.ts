import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group/index.js';
import { DbInstance } from '@cdktf/provider-aws/lib/db-instance/index.js';
import { DbSubnetGroup } from '@cdktf/provider-aws/lib/db-subnet-group/index.js';
import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group/index.js';
import { Construct } from 'constructs';
import type { SecretVersions } from '../../environments/schema/secret-versions.ts';
import { nameOf } from '../../environments/wiring/names.ts';
import type { ServiceName } from '../../services/manifest.ts';
import { justify, retentionIsASetting } from '../policies/justified.ts';
import { type DatabaseSecrets, databaseSecrets, databaseUrl } from './database-secrets.ts';
import { Secret } from './secrets.ts';

export interface PostgresProps {
  readonly prefix: string;
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly keyArn: string;
  readonly ephemeral: boolean;
  readonly logRetentionDays: number;
  readonly instanceClass: string;
  readonly storageGiB: number;
  readonly multiAz: boolean;
  readonly backupDays: number;
  readonly majorVersion: string;
  /** Services with a role of their own. */
  readonly tiers: readonly ServiceName[];
  readonly versions: SecretVersions;
}

export const postgresPort = 5432;

/** RDS PostgreSQL: the system of record. Encrypted, backed up, TLS only, not reachable from outside the VPC. */
export class Postgres extends Construct {
  readonly securityGroupId: string;
  readonly instanceId: string;
  readonly urlSecretArns: DatabaseSecrets['urlSecretArns'];
  readonly migrationSecretArns: DatabaseSecrets['migrationSecretArns'];

  constructor(scope: Construct, id: string, props: PostgresProps) {
    super(scope, id);
    const { prefix, keyArn, ephemeral, versions } = props;
    const ownerVersion = versions.DATABASE_OWNER_URL ?? 1;
    const group = new SecurityGroup(this, 'security-group', {
      namePrefix: `${prefix}-postgres-`,
      description: 'PostgreSQL',
      vpcId: props.vpcId,
      tags: { Name: `${prefix}-postgres` },
      lifecycle: { createBeforeDestroy: true },
    });
    const subnets = new DbSubnetGroup(this, 'subnets', { name: prefix, subnetIds: [...props.subnetIds] });
    const name = nameOf('RDS instance', prefix);
    // Made here, so that its retention is set: RDS would make it with none.
    const logs = new CloudwatchLogGroup(this, 'logs', {
      name: nameOf('log group', `/aws/rds/instance/${name}/postgresql`),
      retentionInDays: props.logRetentionDays,
      kmsKeyId: keyArn,
    });
    if (props.logRetentionDays < 365) justify(logs, { CKV_AWS_338: retentionIsASetting });
    const password = new Secret(this, 'password', {
      name: `${prefix}/postgres-password`,
      description: 'Password of the database owner',
      keyArn,
      ephemeral,
      value: 'random',
      version: ownerVersion,
    });
    const instance = new DbInstance(this, 'instance', {
      identifier: name,
      engine: 'postgres',
      // RDS picks the minor version. From 15 on its default parameters refuse connections without TLS.
      engineVersion: props.majorVersion,
      // Else RDS refuses another majorVersion.
      allowMajorVersionUpgrade: true,
      instanceClass: props.instanceClass,
      allocatedStorage: props.storageGiB,
      storageType: 'gp3',
      storageEncrypted: true,
      kmsKeyId: keyArn,
      multiAz: props.multiAz,
      dbName: 'bulkhead',
      username: 'bulkhead',
      passwordWo: password.read(),
      passwordWoVersion: ownerVersion,
      port: postgresPort,
      publiclyAccessible: false,
      dbSubnetGroupName: subnets.name,
      vpcSecurityGroupIds: [group.id],
      backupRetentionPeriod: props.backupDays,
      // UTC, one after the other; the maintenance window lies on Sunday.
      backupWindow: '02:00-03:00',
      maintenanceWindow: 'sun:03:30-sun:04:30',
      copyTagsToSnapshot: true,
      deleteAutomatedBackups: ephemeral,
      deletionProtection: !ephemeral,
      skipFinalSnapshot: ephemeral,
      ...(ephemeral ? {} : { finalSnapshotIdentifier: `${name}-final` }),
      autoMinorVersionUpgrade: true,
      // Changes of size wait for the maintenance window, except where losing the service is part of the plan.
      applyImmediately: ephemeral,
      enabledCloudwatchLogsExports: ['postgresql'],
      // Database Insights' standard mode: which statements took the time. Seven days of it are free.
      performanceInsightsEnabled: true,
      performanceInsightsKmsKeyId: keyArn,
      performanceInsightsRetentionPeriod: 7,
      lifecycle: { preventDestroy: !ephemeral },
      dependsOn: [logs],
    });
    justify(instance, {
      CKV2_AWS_30: 'statements carry what people wrote; the slow ones are seen in Database Insights',
      CKV_AWS_118: 'its logs are billed by GB; CPU, memory and storage have metrics and alarms without it',
      CKV_AWS_161: 'each tier has a role and a password of its own, which does not expire under an open pool',
      ...(!props.multiAz && { CKV_AWS_157: 'a standby doubles the price: postgres.multiAz is a setting' }),
      ...(ephemeral && { CKV_AWS_293: 'the environment is ephemeral: it is meant to be destroyed' }),
    });
    const address = `${instance.address}:${postgresPort}`;
    const secrets = databaseSecrets(this, {
      prefix,
      keyArn,
      ephemeral,
      tiers: props.tiers,
      address,
      database: 'bulkhead',
      versions,
      ownerUrl: { text: databaseUrl('bulkhead', password.read(), address, 'bulkhead') },
    });
    this.urlSecretArns = secrets.urlSecretArns;
    this.migrationSecretArns = secrets.migrationSecretArns;
    this.securityGroupId = group.id;
    this.instanceId = instance.identifier;
  }
}
