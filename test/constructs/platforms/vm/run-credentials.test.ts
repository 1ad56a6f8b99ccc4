/** The credentials that an instance hands its container: the script of the boot script, run for real. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execa, type ResultPromise } from 'execa';
import { credentialsScript } from '../../../../constructs/platforms/vm/run-credentials.ts';
import { freePort } from '../../../../local/router/ports.ts';
import { eventually } from '../../../containers/podman.ts';

const roleArn = 'arn:aws:iam::111122223333:role/bulkhead-test-api-vm-run';

let folder: string;
let server: ResultPromise<{ reject: false }> | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-credentials-'));
});
afterEach(async () => {
  server?.kill();
  await server;
  rmSync(folder, { recursive: true });
});

/** Stands in for the AWS CLI: the n-th call gives `AKIAn` with the n-th life in seconds (the last for all after), or fails at 0. */
function awsGives(...lives: readonly number[]): void {
  writeFileSync(
    join(folder, 'aws'),
    `#!/bin/bash
echo "$@" >> ${folder}/calls
n=$(wc -l < ${folder}/calls)
lives=(${lives.join(' ')})
life=$(( n > ${lives.length} ? ${lives.at(-1)} : lives[n - 1] ))
[ $life = 0 ] && { echo 'AccessDenied' >&2; exit 254; }
ends=$(date --utc --date="+$life seconds" +%Y-%m-%dT%H:%M:%S+00:00)
echo '{ "Credentials": { "AccessKeyId": "AKIA'$n'", "SecretAccessKey": "secret", "SessionToken": "token", "Expiration": "'$ends'" } }'
`,
  );
  chmodSync(join(folder, 'aws'), 0o755);
}

const calls = () =>
  existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : [];

async function start(): Promise<string> {
  const port = await freePort();
  writeFileSync(join(folder, 'bulkhead-credentials'), credentialsScript);
  server = execa(
    '/usr/bin/python3',
    [join(folder, 'bulkhead-credentials'), roleArn, 'us-east-1', '127.0.0.1', String(port)],
    {
      env: { PATH: `${folder}:${process.env.PATH}` },
      reject: false,
    },
  );
  return `http://127.0.0.1:${port}/credentials`;
}

const statusOf = (url: string) => fetch(url).then(({ status }) => status);
const keyOf = async (url: string) => ((await (await fetch(url)).json()) as { AccessKeyId: string }).AccessKeyId;

test("the SDK's default chain finds the run role's credentials, and the role is taken once", async () => {
  awsGives(3600);
  const url = await start();
  await eventually(async () => expect(await statusOf(url)).toBe(200), 30_000);
  // A process of its own, with a container's environment: the SDK reads it once.
  const { stdout } = await execa(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { S3Client } from '@aws-sdk/client-s3';
      const client = new S3Client({ region: 'us-east-1' });
      console.log(JSON.stringify(await client.config.credentials()));`,
    ],
    {
      env: {
        PATH: String(process.env.PATH),
        AWS_CONTAINER_CREDENTIALS_FULL_URI: url,
        AWS_EC2_METADATA_DISABLED: 'true',
      },
      extendEnv: false,
    },
  );
  const found = JSON.parse(stdout) as Record<string, string>;
  expect(found).toMatchObject({ accessKeyId: 'AKIA1', secretAccessKey: 'secret', sessionToken: 'token' });
  expect(Date.parse(String(found.expiration)) - Date.now()).toBeGreaterThan(3_000_000);
  expect(calls()).toEqual([
    expect.stringMatching(
      `^sts assume-role --region us-east-1 --role-arn ${roleArn} --duration-seconds 3600 --role-session-name \\S+ --output json$`,
    ),
  ]);
  expect(await statusOf(url.replace('credentials', 'latest/meta-data'))).toBe(404);
});

test('new ones are there long before the old ones end', async () => {
  // 15 minutes are the lead, so the first are replaced after the shortest wait.
  awsGives(903, 3600);
  const url = await start();
  await eventually(async () => expect(await keyOf(url)).toBe('AKIA2'), 60_000);
  expect(calls()).toHaveLength(2);
});

test('while the role cannot be taken, the old ones are handed out until they end, and never after', async () => {
  awsGives(12, 0, 0, 0, 0, 0, 0, 0, 3600);
  const url = await start();
  await eventually(async () => expect(await keyOf(url)).toBe('AKIA1'), 30_000);
  await eventually(async () => expect(calls().length).toBeGreaterThanOrEqual(2), 30_000);
  await eventually(async () => expect(await statusOf(url)).toBe(503), 60_000);
  await eventually(async () => expect(await keyOf(url)).toBe('AKIA9'), 120_000);
}, 240_000);
