import { FlowLog } from '@cdktf/provider-aws/lib/flow-log/index.js';
import { S3Bucket } from '@cdktf/provider-aws/lib/s3-bucket/index.js';
import { S3BucketLifecycleConfiguration } from '@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration/index.js';
import { S3BucketLoggingA } from '@cdktf/provider-aws/lib/s3-bucket-logging/index.js';
import { S3BucketPolicy } from '@cdktf/provider-aws/lib/s3-bucket-policy/index.js';
import { Construct } from 'constructs';
import { justify } from '../policies/justified.ts';
import { closeBucket, tlsOnly } from '../stores/private-bucket.ts';

export interface AuditLogsProps {
  readonly prefix: string;
  readonly accountId: string;
  readonly ephemeral: boolean;
  readonly retentionDays: number;
  /** Absent: its owner logs its connections. */
  readonly vpcId: string | undefined;
  /** Name of the bucket whose requests are logged; absent: its owner does. */
  readonly documentsBucket: string | undefined;
}

/** Who reached what: connections of the VPC, requests to the balancers and to the bucket of documents, in a bucket. */
export class AuditLogs extends Construct {
  /** For the balancers' `access_logs`: set once it may be written to. */
  readonly bucket: string;

  constructor(scope: Construct, id: string, props: AuditLogsProps) {
    super(scope, id);
    const { prefix, accountId } = props;
    const bucket = new S3Bucket(this, 'bucket', {
      bucket: `${prefix}-audit-${accountId}`,
      forceDestroy: props.ephemeral,
      lifecycle: { preventDestroy: !props.ephemeral },
    });
    justify(bucket, {
      CKV2_AWS_62: 'logs are read when something has happened; nothing waits for them',
      CKV_AWS_144: 'logs of one region stay in it',
      CKV_AWS_145: 'balancers deliver only to buckets with the keys of S3 (SSE-S3)',
    });
    const { access, versioning } = closeBucket(this, bucket);
    new S3BucketLifecycleConfiguration(this, 'lifecycle', {
      bucket: bucket.id,
      rule: [
        {
          id: 'logs-end',
          status: 'Enabled',
          filter: [{ prefix: '' }],
          expiration: [{ days: props.retentionDays }],
          noncurrentVersionExpiration: [{ noncurrentDays: 1 }],
          abortIncompleteMultipartUpload: [{ daysAfterInitiation: 2 }],
        },
      ],
      dependsOn: [versioning],
    });
    const may = (Sid: string, Service: string, Action: string, Resource: string) => ({
      Sid,
      Effect: 'Allow',
      Principal: { Service },
      Action,
      Resource,
      // Nobody else's logs.
      Condition: { StringEquals: { 'aws:SourceAccount': accountId } },
    });
    const policy = new S3BucketPolicy(this, 'policy', {
      bucket: bucket.id,
      policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          tlsOnly(bucket.arn),
          {
            Sid: 'Balancers',
            Effect: 'Allow',
            Principal: { Service: 'logdelivery.elasticloadbalancing.amazonaws.com' },
            Action: 's3:PutObject',
            Resource: `${bucket.arn}/*/AWSLogs/${accountId}/*`,
          },
          may('Documents', 'logging.s3.amazonaws.com', 's3:PutObject', `${bucket.arn}/documents/*`),
          may('Connections', 'delivery.logs.amazonaws.com', 's3:PutObject', `${bucket.arn}/connections/*`),
          may('ConnectionsAsk', 'delivery.logs.amazonaws.com', 's3:GetBucketAcl', bucket.arn),
        ],
      }),
      dependsOn: [access],
    });
    if (props.vpcId !== undefined)
      new FlowLog(this, 'connections', {
        vpcId: props.vpcId,
        trafficType: 'ALL',
        logDestinationType: 's3',
        logDestination: `${bucket.arn}/connections/`,
        // The longest: fewest records, and so the least to pay.
        maxAggregationInterval: 600,
        tags: { Name: prefix },
        dependsOn: [policy],
      });
    if (props.documentsBucket !== undefined)
      new S3BucketLoggingA(this, 'documents', {
        bucket: props.documentsBucket,
        targetBucket: bucket.id,
        targetPrefix: 'documents/',
        dependsOn: [policy],
      });
    // A reference through the policy: a balancer tries to write at once.
    this.bucket = policy.bucket;
  }
}
