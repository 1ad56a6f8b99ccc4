import { S3Bucket } from '@cdktf/provider-aws/lib/s3-bucket/index.js';
import { S3BucketLifecycleConfiguration } from '@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration/index.js';
import { S3BucketPolicy } from '@cdktf/provider-aws/lib/s3-bucket-policy/index.js';
import { S3BucketServerSideEncryptionConfigurationA } from '@cdktf/provider-aws/lib/s3-bucket-server-side-encryption-configuration/index.js';
import { Construct } from 'constructs';
import { auditLogsAreASetting, justify } from '../policies/justified.ts';
import { closeBucket, tlsOnly } from './private-bucket.ts';

export interface DocumentStoreProps {
  readonly prefix: string;
  readonly accountId: string;
  readonly keyArn: string;
  readonly ephemeral: boolean;
  /** Days until a replaced or deleted object is gone for good. */
  readonly noncurrentDays: number;
  /** Requests to it are logged by {@link AuditLogs}. */
  readonly auditLogs: boolean;
}

/** The bucket of uploads, page results and vector tables: private, encrypted, versioned, TLS only. */
export class DocumentStore extends Construct {
  readonly bucketArn: string;
  readonly bucket: string;
  /** Value of `DOCUMENT_STORE_URL`. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: DocumentStoreProps) {
    super(scope, id);
    // Bucket names are unique in the world, so it ends in the account: at most 17 + 10 + 12 characters and 2 hyphens.
    const bucket = new S3Bucket(this, 'bucket', {
      bucket: `${props.prefix}-documents-${props.accountId}`,
      forceDestroy: props.ephemeral,
      lifecycle: { preventDestroy: !props.ephemeral },
    });
    justify(bucket, {
      CKV2_AWS_62: 'services write what they store into PostgreSQL; nothing waits for an event of the bucket',
      CKV_AWS_144: 'a second region doubles the storage; old versions are kept against deletion by mistake',
      ...(!props.auditLogs && { CKV_AWS_18: auditLogsAreASetting }),
    });
    const { access, versioning } = closeBucket(this, bucket);
    new S3BucketServerSideEncryptionConfigurationA(this, 'encryption', {
      bucket: bucket.id,
      rule: [
        {
          applyServerSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: props.keyArn },
          // One data key per bucket and hour instead of one request to KMS per object.
          bucketKeyEnabled: true,
        },
      ],
    });
    new S3BucketLifecycleConfiguration(this, 'lifecycle', {
      bucket: bucket.id,
      rule: [
        {
          id: 'old-versions',
          status: 'Enabled',
          filter: [{ prefix: '' }],
          // What is left of a deleted object when its versions are gone.
          expiration: [{ expiredObjectDeleteMarker: true }],
          noncurrentVersionExpiration: [{ noncurrentDays: props.noncurrentDays }],
          // An upload that ended half way is billed until someone removes its parts.
          abortIncompleteMultipartUpload: [{ daysAfterInitiation: 2 }],
        },
      ],
      dependsOn: [versioning],
    });
    new S3BucketPolicy(this, 'policy', {
      bucket: bucket.id,
      policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [tlsOnly(bucket.arn)],
      }),
      dependsOn: [access],
    });
    this.bucketArn = bucket.arn;
    this.bucket = bucket.id;
    this.url = `s3://${bucket.bucket}`;
  }
}
