/**
 * `npm run bootstrap -- <env>`: the bucket of an environment's Terraform state, once, before its first deploy. It cannot
 * be made by Terraform, which needs it. Safe to run again.
 */
import {
  CreateBucketCommand,
  HeadBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutPublicAccessBlockCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Command } from 'commander';
import { tlsOnly } from '../../constructs/stores/private-bucket.ts';
import { resolveEnvironment } from '../../environments/environment.ts';
import { loadEnvironment } from '../../environments/index.ts';
import { onAws } from '../on-aws.ts';

/** Makes the bucket where it is missing, and sets versions, encryption and privacy where it is not. */
export async function bootstrap(s3: S3Client, bucket: string): Promise<'made' | 'was there'> {
  const there = await exists(s3, bucket);
  // The client names its region, or does not in us-east-1, the one that must not be named.
  if (!there) await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  // A state that was overwritten can be taken back from its versions.
  await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  await s3.send(
    new PutBucketEncryptionCommand({
      Bucket: bucket,
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' }, BucketKeyEnabled: true }],
      },
    }),
  );
  await s3.send(
    new PutPublicAccessBlockCommand({
      Bucket: bucket,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    }),
  );
  const arn = `arn:aws:s3:::${bucket}`;
  await s3.send(
    new PutBucketPolicyCommand({
      Bucket: bucket,
      Policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [tlsOnly(arn)],
      }),
    }),
  );
  return there ? 'was there' : 'made';
}

async function exists(s3: S3Client, bucket: string): Promise<boolean> {
  try {
    await s3.send(new HeadBucketCommand({ Bucket: bucket }));
    return true;
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error;
    const status = error.$metadata.httpStatusCode;
    if (status === 404) return false;
    if (status === 403)
      throw new Error(
        `bucket '${bucket}' belongs to another account: bucket names are unique in the world; choose another aws.stateBucket`,
      );
    throw error;
  }
}

if (import.meta.main) {
  const [name = ''] = new Command('npm run bootstrap --').argument('<environment>').parse().args;
  try {
    const { aws } = onAws(resolveEnvironment(await loadEnvironment(name)));
    const s3 = new S3Client({ region: aws.region, forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined });
    console.log(`${aws.stateBucket}: ${await bootstrap(s3, aws.stateBucket)}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
