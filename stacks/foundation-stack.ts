/**
 * What holds state and must outlive a swap: network, PostgreSQL, Redis, documents, images, keys, secrets, the public
 * certificate. Its stateful parts refuse to be destroyed unless the environment is `ephemeral`.
 */
import type { Construct } from 'constructs';
import { PlanRole } from '../constructs/access/plan-role.ts';
import { Certificate } from '../constructs/network/certificate.ts';
import { ExistingNetwork } from '../constructs/network/existing-network.ts';
import { Network, type NetworkParts } from '../constructs/network/network.ts';
import { offeredInZones } from '../constructs/network/zone-offerings.ts';
import { AlarmTopic } from '../constructs/observability/alarm-topic.ts';
import { AuditLogs } from '../constructs/observability/audit-logs.ts';
import { CostGuard } from '../constructs/observability/cost-guard.ts';
import { storeAlarms } from '../constructs/observability/store-alarms.ts';
import type { DatabaseSecrets } from '../constructs/stores/database-secrets.ts';
import { DocumentStore } from '../constructs/stores/document-store.ts';
import { ExistingDocuments, ExistingPostgres, ExistingRedis } from '../constructs/stores/existing-stores.ts';
import { ImageRegistry } from '../constructs/stores/image-registry.ts';
import { Key } from '../constructs/stores/key.ts';
import { Postgres } from '../constructs/stores/postgres.ts';
import { Redis } from '../constructs/stores/redis.ts';
import { Secret } from '../constructs/stores/secrets.ts';
import { ServiceKeys } from '../constructs/stores/service-keys.ts';
import { placedServices } from '../environments/environment.ts';
import type { RotatedSecret } from '../environments/schema/secret-versions.ts';
import { type ServiceName, type SettingName, settings, signersOf, usesStore } from '../services/manifest.ts';
import { type AwsEnvironment, BaseStack, onInstances } from './base-stack.ts';

export class FoundationStack extends BaseStack {
  readonly network: NetworkParts;
  readonly key: Pick<Key, 'arn'>;
  readonly postgres: DatabaseSecrets & Pick<Postgres, 'securityGroupId'>;
  readonly redis: Pick<Redis, 'securityGroupId' | 'urlSecretArn'>;
  readonly documents: Pick<DocumentStore, 'bucket' | 'bucketArn' | 'url'>;
  readonly images: ImageRegistry;
  readonly alarms: AlarmTopic;
  readonly certificateArn: string;
  /** Where balancers log requests; undefined without audit logs. */
  readonly auditBucket: string | undefined;
  /** ARN of the secret behind each secret setting that this environment has: of one tier alone, or of all. */
  readonly secrets: (service: ServiceName) => Partial<Record<SettingName, string>>;

  constructor(scope: Construct, environment: AwsEnvironment) {
    super(scope, 'foundation', environment);
    const { prefix, accountId } = this;
    const { aws } = environment;
    const { region, ephemeral, existing } = aws;
    const placed = placedServices(environment);

    this.key = existing.keyArn
      ? { arn: existing.keyArn }
      : new Key(this, 'key', { prefix, region, accountId, ephemeral });
    const keyArn = this.key.arn;
    this.network = existing.network
      ? new ExistingNetwork(this, 'network', { existing: existing.network, region, zones: aws.zones })
      : new Network(this, 'network', {
          prefix,
          region,
          zones: aws.zones,
          cidr: aws.vpcCidr,
          nat: aws.nat,
          auditLogs: aws.auditLogs,
          endpoints: aws.endpoints,
          instances: onInstances(environment),
          natInstance: aws.ami
            ? {
                ami: {
                  what: 'AMI',
                  value: aws.ami,
                  remedy: `docs/operating.md, 'Choose an AMI' for ${environment.name}`,
                },
                instanceType: natInstanceTypes[aws.architecture],
                accountId,
              }
            : undefined,
        });
    // The first zone's subnet has it.
    if (aws.nat === 'instance' && !existing.network)
      offeredInZones(this, natInstanceTypes[aws.architecture], { region, zones: aws.zones.slice(0, 1) });
    const { vpcId, dataSubnetIds: subnetIds } = this.network;
    const how = { prefix, keyArn, ephemeral };
    const versions = aws.secretVersions;
    const tiers = placed.filter((name) => usesStore(name, 'postgres'));
    this.postgres = existing.postgres
      ? new ExistingPostgres(this, 'postgres', { ...how, tiers, versions, existing: existing.postgres })
      : new Postgres(this, 'postgres', {
          ...how,
          vpcId,
          subnetIds,
          logRetentionDays: aws.logRetentionDays,
          tiers,
          versions,
          ...aws.postgres,
        });
    this.redis = existing.redis
      ? new ExistingRedis(this, 'redis', { ...how, existing: existing.redis })
      : new Redis(this, 'redis', { ...how, vpcId, subnetIds, tokenVersion: versions.REDIS_URL, ...aws.redis });
    this.documents = existing.documents
      ? new ExistingDocuments(this, 'documents', { existing: existing.documents, region })
      : new DocumentStore(this, 'documents', {
          prefix,
          accountId,
          keyArn,
          ephemeral,
          noncurrentDays: aws.noncurrentDays,
          auditLogs: aws.auditLogs,
        });
    if (aws.auditLogs)
      this.auditBucket = new AuditLogs(this, 'audit-logs', {
        prefix,
        accountId,
        ephemeral,
        retentionDays: aws.logRetentionDays,
        vpcId: existing.network ? undefined : vpcId,
        documentsBucket: existing.documents ? undefined : this.documents.bucket,
      }).bucket;
    this.images = new ImageRegistry(this, 'images', { prefix, keyArn, ephemeral, services: placed });
    this.alarms = new AlarmTopic(this, 'alarms', { prefix, accountId, keyArn, email: aws.alarmEmail });
    new CostGuard(this, 'cost-guard', {
      prefix,
      environment: environment.name,
      monthlyCeilingUsd: aws.monthlyCeilingUsd,
      topicArn: this.alarms.arn,
    });
    storeAlarms(this, {
      prefix,
      postgres: !existing.postgres,
      redis: !existing.redis,
      storageGiB: aws.postgres.storageGiB,
      instanceClass: aws.postgres.instanceClass,
      topicArn: this.alarms.arn,
    });
    this.certificateArn =
      aws.certificateArn ??
      new Certificate(this, 'certificate', { host: aws.publicHost, hostedZoneId: aws.hostedZoneId, accountId }).arn;

    const secret = (name: RotatedSecret, value: 'random' | 'by hand') =>
      new Secret(this, name, {
        name: `${prefix}/${name}`,
        description: settings[name].what,
        keyArn,
        ephemeral,
        value,
        version: versions[name],
      }).arn;
    const keys = new ServiceKeys(this, 'service-keys', {
      ...how,
      callers: signersOf(placed),
      version: versions.SERVICE_TOKEN_PRIVATE_KEY,
    });
    const shared = {
      ...this.postgres.migrationSecretArns,
      REDIS_URL: this.redis.urlSecretArn,
      SERVICE_TOKEN_PUBLIC_KEYS: keys.publicKeysArn,
      AUTH_SECRET: secret('AUTH_SECRET', 'random'),
      ...(placed.includes('governor') ? { GOVERNOR_TOKEN: secret('GOVERNOR_TOKEN', 'random') } : {}),
      ...(environment.chatModel ? { MODEL_API_KEY: secret('MODEL_API_KEY', 'by hand') } : {}),
      ...(environment.models?.some(({ key }) => key !== undefined)
        ? { MODEL_API_KEYS: secret('MODEL_API_KEYS', 'by hand') }
        : {}),
      ...(environment.reranker ? { RERANK_API_KEY: secret('RERANK_API_KEY', 'by hand') } : {}),
      ...(environment.parser ? { PARSER_API_KEY: secret('PARSER_API_KEY', 'by hand') } : {}),
      ...(environment.embeddingModel ? { EMBEDDING_API_KEY: secret('EMBEDDING_API_KEY', 'by hand') } : {}),
      ...(environment.previousEmbeddingModel
        ? { EMBEDDING_PREVIOUS_API_KEY: secret('EMBEDDING_PREVIOUS_API_KEY', 'by hand') }
        : {}),
      ...(aws.oidc ? { OIDC_CLIENT_SECRET: secret('OIDC_CLIENT_SECRET', 'by hand') } : {}),
      ...(aws.mail ? { SMTP_URL: secret('SMTP_URL', 'by hand') } : {}),
    };
    if (aws.planRole)
      new PlanRole(this, 'plan-role', {
        prefix,
        environment: environment.name,
        region,
        trust: aws.planRole,
        stateBucket: aws.stateBucket,
        keyArn,
        accountId,
      });
    this.secrets = (service) => {
      const privateKey = keys.privateKeyArns[service];
      const databaseUrl = this.postgres.urlSecretArns[service];
      return {
        ...shared,
        ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
        ...(privateKey !== undefined && { SERVICE_TOKEN_PRIVATE_KEY: privateKey }),
      };
    };
  }
}

/** The smallest of each architecture: forwarding https is light work. */
export const natInstanceTypes = { arm64: 't4g.nano', x86_64: 't3.nano' } as const;
