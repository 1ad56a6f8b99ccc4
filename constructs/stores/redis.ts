import { DataAwsSecretsmanagerRandomPassword } from '@cdktf/provider-aws/lib/data-aws-secretsmanager-random-password/index.js';
import { ElasticacheParameterGroup } from '@cdktf/provider-aws/lib/elasticache-parameter-group/index.js';
import { ElasticacheReplicationGroup } from '@cdktf/provider-aws/lib/elasticache-replication-group/index.js';
import { ElasticacheSubnetGroup } from '@cdktf/provider-aws/lib/elasticache-subnet-group/index.js';
import { SecretsmanagerSecret } from '@cdktf/provider-aws/lib/secretsmanager-secret/index.js';
import { SecretsmanagerSecretVersion } from '@cdktf/provider-aws/lib/secretsmanager-secret-version/index.js';
import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group/index.js';
import { Construct } from 'constructs';
import { nameOf } from '../../environments/wiring/names.ts';
import { justify } from '../policies/justified.ts';
import { rotatedByHand, Secret } from './secrets.ts';

export interface RedisProps {
  readonly prefix: string;
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly keyArn: string;
  readonly ephemeral: boolean;
  readonly nodeType: string;
  /** 1 has no fail-over. */
  readonly nodes: number;
  /** Raising it makes a new token. @default 1 */
  readonly tokenVersion?: number | undefined;
}

export const redisPort = 6379;

/**
 * ElastiCache for Valkey, which speaks Redis's protocol at four fifths of its price. TLS and a password; no snapshots,
 * since everything in it is rebuilt from PostgreSQL.
 */
export class Redis extends Construct {
  readonly securityGroupId: string;
  /** Secret that holds `REDIS_URL`. */
  readonly urlSecretArn: string;

  constructor(scope: Construct, id: string, props: RedisProps) {
    super(scope, id);
    const { prefix, ephemeral } = props;
    const group = new SecurityGroup(this, 'security-group', {
      namePrefix: `${prefix}-redis-`,
      description: 'Redis',
      vpcId: props.vpcId,
      tags: { Name: `${prefix}-redis` },
      lifecycle: { createBeforeDestroy: true },
    });
    const subnets = new ElasticacheSubnetGroup(this, 'subnets', { name: prefix, subnetIds: [...props.subnetIds] });
    const parameters = new ElasticacheParameterGroup(this, 'parameters', {
      name: nameOf('ElastiCache group', prefix),
      family: 'valkey8',
      // ElastiCache would drop what has an end when memory is full: leases and meters. A write that fails is noticed.
      parameter: [{ name: 'maxmemory-policy', value: 'noeviction' }],
    });
    const token = this.token(props);
    const replication = new ElasticacheReplicationGroup(this, 'group', {
      replicationGroupId: nameOf('ElastiCache group', prefix),
      description: `${prefix}: scheduling state, meters and slots`,
      engine: 'valkey',
      engineVersion: '8.0',
      nodeType: props.nodeType,
      port: redisPort,
      numCacheClusters: props.nodes,
      automaticFailoverEnabled: props.nodes > 1,
      multiAzEnabled: props.nodes > 1,
      atRestEncryptionEnabled: 'true',
      kmsKeyId: props.keyArn,
      transitEncryptionEnabled: true,
      authToken: token,
      // A new token is taken beside the old one.
      authTokenUpdateStrategy: 'ROTATE',
      parameterGroupName: parameters.name,
      subnetGroupName: subnets.name,
      securityGroupIds: [group.id],
      snapshotRetentionLimit: 0,
      autoMinorVersionUpgrade: 'true',
      applyImmediately: true,
    });
    if (props.nodes < 2)
      justify(replication, {
        CKV2_AWS_50: 'one node has nothing to fail over to; what it holds is rebuilt from PostgreSQL',
      });
    const url = new Secret(this, 'url', {
      name: `${prefix}/REDIS_URL`,
      description: 'Where and as whom services reach Redis',
      keyArn: props.keyArn,
      ephemeral,
      value: { text: `rediss://:${token}@${replication.primaryEndpointAddress}:${redisPort}` },
      version: props.tokenVersion,
    });
    this.securityGroupId = group.id;
    this.urlSecretArn = url.arn;
  }

  /**
   * ElastiCache has no write-only argument for its token, so this one value lies in the (encrypted) state. The data
   * source answers differently each time; the stored version keeps the first answer.
   */
  private token({ prefix, keyArn, ephemeral, tokenVersion = 1 }: RedisProps): string {
    const random = new DataAwsSecretsmanagerRandomPassword(this, 'random-token', {
      passwordLength: 48,
      excludePunctuation: true,
    });
    const secret = new SecretsmanagerSecret(this, 'token', {
      name: `${prefix}/redis-token`,
      description: 'Token of the Redis user',
      kmsKeyId: keyArn,
      recoveryWindowInDays: ephemeral ? 0 : 30,
      lifecycle: { preventDestroy: !ephemeral },
    });
    justify(secret, { CKV2_AWS_57: rotatedByHand });
    // Another resource for another version: this one never changes.
    return new SecretsmanagerSecretVersion(
      this,
      tokenVersion === 1 ? 'token-version' : `token-version-${tokenVersion}`,
      {
        secretId: secret.id,
        secretString: random.randomPassword,
        lifecycle: { ignoreChanges: ['secret_string'] },
      },
    ).secretString;
  }
}
