/** The images themselves: what is in them, what is not, and that building them again changes nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { freePort } from '../../local/router/ports.ts';
import { serviceNames } from '../../services/manifest.ts';
import { type BuiltImage, buildImages, hostArchitecture } from '../../stacks/images/build.ts';
import { buildOf, bundleService } from '../../stacks/images/bundle.ts';
import { findEngine } from '../../stacks/images/engine.ts';
import { pinImages, pushImages } from '../../stacks/images/push.ts';
import { works } from '../../stacks/images/run.ts';
import { hasWeights } from '../support/embedding/wheels.ts';
import { testWith } from '../support/skip.ts';
import { buildAll } from './deployment.ts';
import { eventually, lacksPodman, podman } from './podman.ts';

const test = testWith(lacksPodman);
const buildTimeoutMs = 300_000;

let images: BuiltImage[];
let folder: string;

beforeAll(async () => {
  if (lacksPodman) return;
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-images-'));
  images = await buildAll();
}, buildTimeoutMs);

afterAll(async () => {
  if (folder) await rm(folder, { recursive: true });
});

test('every service has its image, within its budget', () => {
  expect(images.map(({ name }) => name)).toEqual(serviceNames.filter((name) => hasWeights || name !== 'embedding'));
  for (const { name, bytes } of images) {
    expect({ name, mib: bytes / 2 ** 20 }).toEqual({ name, mib: expect.any(Number) });
    expect(bytes / 2 ** 20).toBeLessThanOrEqual(buildOf(name).budgetMiB);
  }
});

test('an image runs as nobody, says what it is, and checks its own health', async () => {
  for (const { name, tag } of images) {
    const [{ Config, Healthcheck }] = JSON.parse(await podman('image', 'inspect', tag));
    expect({ name, user: Config.User, command: Config.Cmd }).toEqual({
      name,
      user: '65532:65532',
      command: ['node', '--single-threaded-gc', '--heap-growing-percent=300', '--no-memory-reducer', 'main.js'],
    });
    expect(Config.Labels).toMatchObject({
      'org.opencontainers.image.title': `bulkhead/${name}`,
      'org.opencontainers.image.licenses': 'Apache-2.0',
    });
    expect(Healthcheck.Test).toEqual(['CMD', 'node', 'health.js']);
  }
});

test('an image made here has no shell and no package manager', async () => {
  const find = `for (const name of ['sh', 'bash', 'dash', 'apt', 'apt-get', 'dpkg', 'npm', 'curl'])
    for (const folder of process.env.PATH.split(':'))
      if (require('fs').existsSync(folder + '/' + name)) console.log(name);`;
  const { tag } = images.find(({ name }) => name === 'api') as BuiltImage;
  expect(await podman('run', '--rm', '--network=none', tag, 'node', '-e', find)).toBe('');
});

test(
  'the same input makes the same layers',
  async () => {
    const engine = await findEngine();
    const layers: string[] = [];
    for (const [index, name] of ['first', 'second'].entries()) {
      const context = join(folder, name);
      const { hash } = await bundleService('chat', context, hostArchitecture);
      const tag = `localhost/bulkhead/test-${name}`;
      const dockerfile = join(import.meta.dirname, '../../stacks/images/dockerfiles/Dockerfile');
      const args = { BASE: 'localhost/bulkhead/node', SERVICE: 'chat', VERSION: '0' };
      await engine.build({
        tag,
        context,
        dockerfile,
        args,
        content: `${hash} ${index}`,
        architecture: hostArchitecture,
      });
      layers.push((await podman('image', 'inspect', '--format={{json .RootFS.Layers}}', tag)).trim());
      await podman('rmi', tag);
    }
    expect(layers[0]).toBe(layers[1]);
  },
  buildTimeoutMs,
);

test('what did not change is not built again', async () => {
  const [again] = await buildImages({ names: ['chat'] });
  expect(again?.id).toBe(images.find(({ name }) => name === 'chat')?.id);
});

test(
  'pushed images are pinned by the digest that the registry has',
  async () => {
    const port = await freePort();
    const registry = await startRegistry(port);
    try {
      const file = join(folder, 'images.dev.json');
      await writeFile(file, JSON.stringify({ web: 'kept' }));
      const chat = images.filter(({ name }) => name === 'chat');
      await pinImages(file, await pushImages(await findEngine(), chat, `127.0.0.1:${port}/bulkhead-dev`));
      const pinned = JSON.parse(await readFile(file, 'utf8'));
      expect(pinned).toEqual({ web: 'kept', chat: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
      const manifest = await fetch(`http://127.0.0.1:${port}/v2/bulkhead-dev/chat/manifests/${pinned.chat}`, {
        headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
      });
      expect({ status: manifest.status, digest: manifest.headers.get('docker-content-digest') }).toEqual({
        status: 200,
        digest: pinned.chat,
      });
    } finally {
      registry.kill();
    }
  },
  buildTimeoutMs,
);

async function startRegistry(port: number): Promise<ChildProcess> {
  if (!(await works('docker-registry', ['--version'])))
    throw new Error('docker-registry is not installed: apt-get install docker-registry');
  const config = join(folder, 'registry.yml');
  const storage = `storage: { filesystem: { rootdirectory: ${join(folder, 'registry')} } }`;
  await writeFile(config, `version: 0.1\nlog: { level: error }\n${storage}\nhttp: { addr: "127.0.0.1:${port}" }\n`);
  const registry = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  await eventually(() => fetch(`http://127.0.0.1:${port}/v2/`));
  return registry;
}
