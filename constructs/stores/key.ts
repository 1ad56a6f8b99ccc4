import { KmsAlias } from '@cdktf/provider-aws/lib/kms-alias/index.js';
import { KmsKey } from '@cdktf/provider-aws/lib/kms-key/index.js';
import { Construct } from 'constructs';

export interface KeyProps {
  readonly prefix: string;
  readonly region: string;
  readonly accountId: string;
  readonly ephemeral: boolean;
}

/**
 * The environment's key: database, Redis, documents, secrets, logs, images. Volumes of instances use the account's own
 * EBS key instead: they hold no state, and a key of ours would need a grant for the Auto Scaling service's role.
 */
export class Key extends Construct {
  readonly arn: string;

  constructor(scope: Construct, id: string, { prefix, region, accountId, ephemeral }: KeyProps) {
    super(scope, id);
    const key = new KmsKey(this, 'key', {
      description: `${prefix}: data at rest`,
      enableKeyRotation: true,
      // Days in which a deletion can still be taken back: the least AWS allows for an ephemeral environment.
      deletionWindowInDays: ephemeral ? 7 : 30,
      policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'Account',
            Effect: 'Allow',
            Principal: { AWS: `arn:aws:iam::${accountId}:root` },
            Action: 'kms:*',
            Resource: '*',
          },
          {
            Sid: 'Logs',
            Effect: 'Allow',
            Principal: { Service: `logs.${region}.amazonaws.com` },
            Action: ['kms:Encrypt*', 'kms:Decrypt*', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'],
            Resource: '*',
            Condition: {
              ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:${region}:${accountId}:log-group:*` },
            },
          },
          {
            Sid: 'AlarmsAndBudgets',
            Effect: 'Allow',
            Principal: { Service: ['cloudwatch.amazonaws.com', 'budgets.amazonaws.com'] },
            Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
            Resource: '*',
          },
        ],
      }),
      lifecycle: { preventDestroy: !ephemeral },
    });
    new KmsAlias(this, 'alias', { name: `alias/${prefix}`, targetKeyId: key.keyId });
    this.arn = key.arn;
  }
}
