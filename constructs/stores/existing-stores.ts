/** Stores that a company has already: nothing of them is made; docs/existing-parts.md says what each must fulfil. */
import { DataAwsS3Bucket } from '@cdktf/provider-aws/lib/data-aws-s3-bucket/index.js';
import { Construct } from 'constructs';
import type { Existing } from '../../environments/schema/existing.ts';
import type { SecretVersions } from '../../environments/schema/secret-versions.ts';
import type { ServiceName } from '../../services/manifest.ts';
import { type DatabaseSecrets, databaseSecrets } from './database-secrets.ts';
import { postgresPort } from './postgres.ts';
import { Secret } from './secrets.ts';

interface HowProps {
  readonly prefix: string;
  readonly keyArn: string;
  readonly ephemeral: boolean;
}

export interface ExistingPostgresProps extends HowProps {
  readonly existing: NonNullable<Existing['postgres']>;
  /** Services with a role of their own. */
  readonly tiers: readonly ServiceName[];
  readonly versions: SecretVersions;
}

/** A PostgreSQL that is there. A person puts its owner's URL; the init step makes the roles with it. */
export class ExistingPostgres extends Construct {
  readonly securityGroupId: string;
  readonly urlSecretArns: DatabaseSecrets['urlSecretArns'];
  readonly migrationSecretArns: DatabaseSecrets['migrationSecretArns'];

  constructor(scope: Construct, id: string, { existing, ...props }: ExistingPostgresProps) {
    super(scope, id);
    const secrets = databaseSecrets(this, {
      ...props,
      address: `${existing.host}:${postgresPort}`,
      database: existing.database,
      ownerUrl: 'by hand',
    });
    this.securityGroupId = existing.securityGroupId;
    this.urlSecretArns = secrets.urlSecretArns;
    this.migrationSecretArns = secrets.migrationSecretArns;
  }
}

export interface ExistingRedisProps extends HowProps {
  readonly existing: NonNullable<Existing['redis']>;
}

/** A Valkey or Redis that is there. A person puts its URL, with user and password. */
export class ExistingRedis extends Construct {
  readonly securityGroupId: string;
  readonly urlSecretArn: string;

  constructor(scope: Construct, id: string, { existing, prefix, keyArn, ephemeral }: ExistingRedisProps) {
    super(scope, id);
    this.securityGroupId = existing.securityGroupId;
    this.urlSecretArn = new Secret(this, 'url', {
      name: `${prefix}/REDIS_URL`,
      description: 'Where and as whom services reach Redis',
      keyArn,
      ephemeral,
      value: 'by hand',
    }).arn;
  }
}

export interface ExistingDocumentsProps {
  readonly existing: NonNullable<Existing['documents']>;
  readonly region: string;
}

/**
 * A bucket that is there. Its versions, encryption, policy and lifecycle are its owner's, and Terraform can read none of
 * them; every plan asks that it is there and in the region.
 */
export class ExistingDocuments extends Construct {
  readonly bucket: string;
  readonly bucketArn: string;
  readonly url: string;

  constructor(scope: Construct, id: string, { existing: { bucket }, region }: ExistingDocumentsProps) {
    super(scope, id);
    new DataAwsS3Bucket(this, 'bucket', {
      bucket,
      lifecycle: {
        postcondition: [
          {
            condition: `\${self.bucket_region == "${region}"}`,
            errorMessage: `${bucket} is not in ${region}: every read would cross regions, and S3's gateway leads to ${region} only.`,
          },
        ],
      },
    });
    this.bucket = bucket;
    this.bucketArn = `arn:aws:s3:::${bucket}`;
    this.url = `s3://${bucket}`;
  }
}
