import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { dev } from '../../../environments/dev.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { local } from '../../../environments/local.ts';
import type { BuiltImage } from '../../../stacks/images/build.ts';
import type { Engine } from '../../../stacks/images/engine.ts';
import { awsRegistry, pinImages, pushImages } from '../../../stacks/images/push.ts';

const digest = `sha256:${'d'.repeat(64)}`;

/** An engine that writes down what it is asked. */
function recorder(): Engine & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    name: 'docker',
    asked,
    build: async () => {},
    find: async () => undefined,
    remove: async () => {},
    push: async (tag, to) => {
      asked.push(`push ${tag} ${to}`);
      return digest;
    },
    login: async (registry, user, password) => void asked.push(`login ${registry} ${user} ${password}`),
  };
}

let folder: string;
const path = process.env.PATH;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-push-'));
});
afterEach(async () => {
  process.env.PATH = path;
  await rm(folder, { recursive: true });
});

test('an image is pushed under a tag that names its content, and its digest is told', async () => {
  const engine = recorder();
  const image: BuiltImage = {
    name: 'api',
    tag: 'localhost/bulkhead/api',
    id: `sha256:${'ab'.repeat(32)}`,
    bytes: 1,
    budgetMiB: 15,
  };
  expect(await pushImages(engine, [image], 'localhost:5000/bulkhead-dev')).toEqual({ api: digest });
  expect(engine.asked).toEqual(['push localhost/bulkhead/api localhost:5000/bulkhead-dev/api:abababababab']);
});

test('pinning writes a file that is made if missing, and keeps what it does not name', async () => {
  const file = join(folder, 'images.dev.json');
  await pinImages(file, { api: digest });
  await pinImages(file, { web: digest });
  expect(await readFile(file, 'utf8')).toBe(`{\n  "api": "${digest}",\n  "web": "${digest}"\n}\n`);
});

test("an environment's registry is the account's, signed in to with a password that AWS makes", async () => {
  const aws = `#!/bin/sh\ncase "$1" in sts) echo 123456789012 ;; ecr) echo "password $4" ;; esac\n`;
  await writeFile(join(folder, 'aws'), aws, { mode: 0o755 });
  process.env.PATH = `${folder}${delimiter}${path}`;
  const engine = recorder();
  const host = '123456789012.dkr.ecr.us-east-1.amazonaws.com';
  expect(await awsRegistry(resolveEnvironment(dev), engine)).toBe(`${host}/bulkhead-dev`);
  expect(engine.asked).toEqual([`login ${host} AWS password us-east-1`]);
});

test('without a way in it says what to do', async () => {
  await writeFile(join(folder, 'aws'), '#!/bin/sh\necho "Unable to locate credentials" >&2\nexit 253\n', {
    mode: 0o755,
  });
  process.env.PATH = `${folder}${delimiter}${path}`;
  await expect(awsRegistry(resolveEnvironment(dev), recorder())).rejects.toThrow(
    /sign in to AWS first, or name a registry with --registry: .*Unable to locate credentials/s,
  );
  await expect(awsRegistry(resolveEnvironment(local), recorder())).rejects.toThrow(
    "environment 'local' has no registry: given target 'local', allowed 'aws'",
  );
});
