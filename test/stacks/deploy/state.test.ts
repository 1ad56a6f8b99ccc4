/**
 * The state of a stack, kept by the real terraform where the stack says: in S3, encrypted, under a lock. Its resources
 * need a provider and a network; one that is built into terraform stands for them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { sample } from '../../environments/sample.ts';
import { lacksS3, startS3, type TestS3 } from '../../support/s3.ts';
import { testWith } from '../../support/skip.ts';
import { lacksTerraform } from '../../support/terraform/lacks.ts';
import { synthesized } from '../synthesized.ts';

const kept = testWith(lacksTerraform ?? lacksS3);

describe('the state of a stack', () => {
  let s3: TestS3;
  let client: S3Client;
  let folder: string;
  beforeAll(async () => {
    if (lacksTerraform ?? lacksS3) return;
    s3 = await startS3();
    client = new S3Client({
      endpoint: s3.env.AWS_ENDPOINT_URL,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      forcePathStyle: true,
    });
    // Without bootstrap's policy: moto denies whatever a policy denies to some, and this is no TLS.
    await client.send(new CreateBucketCommand({ Bucket: 'state' }));
    folder = mkdtempSync(join(tmpdir(), 'bulkhead-state-'));
    const { backend, required_version } = synthesized(sample()).foundation.terraform as {
      backend: { s3: object };
      required_version: string;
    };
    writeFileSync(
      join(folder, 'main.tf.json'),
      JSON.stringify({
        terraform: { required_version, backend },
        resource: { terraform_data: { part: { input: 'kept' } } },
      }),
    );
    // What differs because this is no AWS.
    writeFileSync(
      join(folder, 'emulator.tfbackend'),
      'use_path_style = true\nskip_credentials_validation = true\nskip_requesting_account_id = true\n',
    );
    const { exitCode, all } = await terraform('init', '-backend-config=emulator.tfbackend');
    if (exitCode !== 0) throw new Error(all);
  });
  afterAll(async () => {
    client?.destroy();
    await s3?.close();
    if (folder) rmSync(folder, { recursive: true });
  });

  const terraform = (...args: string[]) =>
    execa('terraform', [...args, '-input=false', '-no-color'], {
      cwd: folder,
      reject: false,
      all: true,
      env: { ...s3.env, CHECKPOINT_DISABLE: '1', AWS_MAX_ATTEMPTS: '2' },
    });
  const apply = () => terraform('apply', '-auto-approve', '-lock-timeout=0s');
  const object = async (Key: string) => {
    const { Body, ServerSideEncryption } = await client.send(new GetObjectCommand({ Bucket: 'state', Key }));
    return { text: (await Body?.transformToString()) ?? '', ServerSideEncryption };
  };

  kept('lies encrypted under the key of environment and stack, and no lock is left behind', async () => {
    expect(await apply()).toMatchObject({ exitCode: 0 });
    const { text, ServerSideEncryption } = await object('test/foundation.tfstate');
    expect(JSON.parse(text).resources).toHaveLength(1);
    expect(ServerSideEncryption).toBe('AES256');
    await expect(object('test/foundation.tfstate.tflock')).rejects.toThrow('The specified key does not exist');
  });

  kept('is written by one at a time: who comes second is told who holds the lock', async () => {
    const lock = { ID: '11111111-2222-3333-4444-555555555555', Operation: 'OperationTypeApply', Who: 'ann@desk' };
    await client.send(
      new PutObjectCommand({ Bucket: 'state', Key: 'test/foundation.tfstate.tflock', Body: JSON.stringify(lock) }),
    );
    const { exitCode, all } = await apply();
    expect(exitCode).toBe(1);
    expect(all).toContain('Error acquiring the state lock');
    expect(all).toContain('ann@desk');
  });
});
