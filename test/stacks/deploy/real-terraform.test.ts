/**
 * `npm run deploy|diff|destroy` with the real cdktf CLI, the real terraform and a real S3 protocol for states and locks. There
 * is no provider here, so each stack is reduced to what terraform knows by itself; the rest is `npm run rehearse`'s.
 */
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { lacksS3, startS3, type TestS3 } from '../../support/s3.ts';
import { testWith } from '../../support/skip.ts';
import { adoptedTree, type CopiedTree } from '../../support/terraform/adopted-tree.ts';
import { lacksTerraform } from '../../support/terraform/lacks.ts';

const lacks = lacksTerraform ?? lacksS3;
const real = testWith(lacks);
const bucket = 'bulkhead-dev-state';

/** After synth: the stack's own backend, told that this is no AWS, and one resource in place of its own. */
const reduced = `
const { readdirSync, readFileSync, writeFileSync } = await import('node:fs');
const folder = \`\${process.env.CDKTF_OUTDIR ?? 'cdktf.out'}/stacks\`;
for (const stack of readdirSync(folder)) {
  const file = \`\${folder}/\${stack}/cdk.tf.json\`;
  const { '//': about, terraform, resource } = JSON.parse(readFileSync(file, 'utf8'));
  const no = { use_path_style: true, skip_credentials_validation: true, skip_requesting_account_id: true };
  const s3 = { ...terraform.backend.s3, ...no, skip_metadata_api_check: true };
  const input = { types: Object.keys(resource).length, salt: process.env.SALT ?? '' };
  writeFileSync(file, JSON.stringify({
    '//': { metadata: about.metadata },
    terraform: { required_version: terraform.required_version, backend: { s3 } },
    resource: { terraform_data: { all: { input } } },
  }));
}
`;

describe('states', () => {
  let s3: TestS3;
  let client: S3Client;
  let tree: CopiedTree;
  beforeAll(async () => {
    if (lacks) return;
    s3 = await startS3();
    client = new S3Client({
      endpoint: s3.env.AWS_ENDPOINT_URL,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      forcePathStyle: true,
    });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    tree = adoptedTree();
    tree.change('stacks/main.ts', (text) => text + reduced);
  });
  afterAll(async () => {
    client?.destroy();
    tree?.close();
    await s3?.close();
  });

  const run = (action: string, args: readonly string[], env: Record<string, string> = {}) =>
    execa('npm', ['run', '--silent', action, '--', 'dev', ...args], {
      cwd: tree.folder,
      reject: false,
      all: true,
      env: { ...s3.env, CHECKPOINT_DISABLE: '1', AWS_MAX_ATTEMPTS: '2', ...env },
    });
  const written = async () =>
    ((await client.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents ?? []).map(({ Key, ETag }) => [
      Key,
      ETag,
    ]);
  const resources = async (part: string): Promise<unknown[]> => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: `dev/${part}.tfstate` }));
    return JSON.parse((await Body?.transformToString()) ?? '').resources;
  };

  real('are kept for each stack by a deploy, seen by a diff, emptied by a destroy, and no lock is left', async () => {
    const deployed = await run('deploy', ['--auto-approve']);
    expect({ ...deployed, all: deployed.exitCode === 0 ? '' : deployed.all }).toMatchObject({ exitCode: 0, all: '' });
    expect((await written()).map(([key]) => key)).toEqual(['dev/foundation.tfstate', 'dev/service.tfstate']);
    expect([await resources('foundation'), await resources('service')].map(({ length }) => length)).toEqual([1, 1]);

    expect((await run('diff', [])).all).toMatch(/No changes[\s\S]*No changes/);
    expect((await run('diff', [], { SALT: 'changed' })).all).toMatch(/1 to change|must be replaced|updated in-place/);

    expect((await run('destroy', ['--auto-approve'])).exitCode).toBe(0);
    expect([await resources('foundation'), await resources('service')]).toEqual([[], []]);
    expect((await written()).map(([key]) => key)).toEqual(['dev/foundation.tfstate', 'dev/service.tfstate']);
  });

  real('that somebody holds stop a deploy before anything is done, and say who', async () => {
    const lock = { ID: '11111111-2222-3333-4444-555555555555', Operation: 'OperationTypeApply', Who: 'ann@desk' };
    const Key = 'dev/foundation.tfstate.tflock';
    await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: JSON.stringify(lock) }));
    const before = await written();
    const { exitCode, all } = await run('deploy', ['--auto-approve']);
    expect(exitCode).toBe(1);
    expect(all).toContain('Error acquiring the state lock');
    expect(all).toContain('ann@desk');
    expect(await written()).toEqual(before);
  });
});
