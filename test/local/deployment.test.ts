import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import pg from 'pg';
import { local } from '../../environments/local.ts';
import { type LocalDeployment, startDeployment } from '../../local/deployment.ts';
import { identify, isAlive } from '../../local/processes/process-identity.ts';
import { serviceNames, services } from '../../services/manifest.ts';
import { isHolding, listener, standIns, temporaryFolder, until } from './stand-ins.ts';

const { lines, tell } = listener();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let deployment: LocalDeployment;

beforeAll(async () => {
  folder = await temporaryFolder();
  deployment = await startDeployment({
    data: folder.path,
    port: 0,
    programs: standIns,
    tell,
    outer: { PATH: process.env.PATH, MODEL_URL: 'http://127.0.0.1:9/v1', UNRELATED: 'secret of the shell' },
    settings: { api: { PAGES_MAX: '10' } },
    environment: {
      ...local,
      tiers: { ...local.tiers, vectorstore: { ...(local.tiers.vectorstore as object), replicas: 2 } as never },
    },
  });
});

afterAll(async () => {
  await deployment?.stop();
  await folder.remove();
});

interface Answer {
  name: string;
  pid: number;
  bytes: number;
  env: Record<string, string>;
}
const ask = async (path: string, init?: RequestInit) =>
  (await (await fetch(deployment.url + path, init)).json()) as Answer;

test('every path reaches the tier that owns it', async () => {
  expect((await ask('/')).name).toBe('web');
  expect((await ask('/v1/brains')).name).toBe('api');
  expect((await ask('/v1/chat/conversations')).name).toBe('chat');
});

test('a tier sees exactly the settings that the manifest lists, and nothing of the shell', async () => {
  const { env } = await ask('/v1/brains');
  const allowed = [
    ...services.api.settings,
    'PATH',
    'HOME',
    'TMPDIR',
    'TZ',
    'LANG',
    'NODE_EXTRA_CA_CERTS',
    'NODE_COMPILE_CACHE',
    'NODE_ENV',
    'NO_COLOR',
  ];
  expect(Object.keys(env).filter((key) => !allowed.includes(key as never))).toEqual([]);
  expect(env).toMatchObject({
    PAGES_MAX: '10',
    PUBLIC_URL: deployment.url,
    REPLICA: 'api',
    DATABASE_URL: expect.stringMatching(/^postgresql:\/\/bulkhead_api:[\w-]{43}@127\.0\.0\.1:\d+\/bulkhead$/),
  });
  expect(env.DATABASE_OWNER_URL).toBeUndefined();
  expect(env.SERVICE_TOKEN_PRIVATE_KEY).toBeUndefined();
  expect(env.SERVICE_TOKEN_PUBLIC_KEYS).toBeUndefined();
  const chat = await ask('/v1/models');
  expect(chat.env).toMatchObject({ MODEL_URL: 'http://127.0.0.1:9/v1' });
  expect(chat.env.DOCUMENT_STORE_URL).toBeUndefined();
});

test('two replicas of a called tier stand behind one address, and requests reach both', async () => {
  const { env } = await ask('/v1/models');
  // Longer than the second takes to arrive.
  const call = () =>
    fetch(`${env.VECTORSTORE_URL}/slow?ms=3000`).then((response) => response.json() as Promise<Answer>);
  const pids = (await Promise.all([call(), call()])).map(({ pid }) => pid);
  expect(new Set(pids)).toEqual(
    new Set([deployment.process('vectorstore-1').pid, deployment.process('vectorstore-2').pid]),
  );
});

test('the stores answer with the secrets of the data folder, and only with them', async () => {
  const client = new pg.Client({ connectionString: deployment.databaseUrl });
  await client.connect();
  const { rows } = await client.query('show server_encoding');
  expect(rows).toEqual([{ server_encoding: 'UTF8' }]);
  await client.end();
  const redis = new Redis(deployment.redisUrl);
  expect(await redis.config('GET', 'maxmemory-policy')).toContain('noeviction');
  redis.disconnect();
  const wrong = new pg.Client({ connectionString: deployment.databaseUrl.replace(/:[^:@]+@/, ':guess@') });
  await expect(wrong.connect()).rejects.toThrow('password authentication failed');
  expect((await stat(join(folder.path, 'secrets.json'))).mode & 0o777).toBe(0o600);
});

test('the owner gets a one-time link', () => {
  expect(deployment.signInUrl).toBe(`${deployment.url}/sign-in#token=once-only`);
});

test('a second start on the same folder says where the first one runs', async () => {
  await expect(startDeployment({ data: folder.path, port: 0, programs: standIns })).rejects.toThrow(
    `already running at ${deployment.url} (process ${process.pid}) on ${folder.path}; use that one, stop it with: kill ${process.pid}, or give this one its own folder: npm start -- --data DIR --port N`,
  );
});

test('a second deployment runs beside the first, but not on its port', async () => {
  const other = await temporaryFolder();
  const port = Number(new URL(deployment.url).port);
  try {
    await expect(startDeployment({ data: other.path, port, programs: standIns })).rejects.toThrow(
      /^port \d+ is held by process \d+ \(.+\); end that program, or choose another port: npm start -- --port \d+$/,
    );
    const second = await startDeployment({
      data: other.path,
      port: 0,
      programs: standIns,
      redis: 'embedded',
      outer: {},
    });
    expect(second.redis).toBe('the embedded one (js-redis-server), as asked');
    const open = new Redis(second.redisUrl.replace(/:[^:@/]+@/, ''), { retryStrategy: () => null });
    open.on('error', () => {});
    await expect(open.ping()).rejects.toThrow('NOAUTH');
    open.disconnect();
    expect((await fetch(second.url)).status).toBe(200);
    await second.stop();
    expect((await fetch(deployment.url)).status).toBe(200);
  } finally {
    await other.remove();
  }
});

// The vectorstore has two replicas, without weights the embedding has none, and a governor is not placed.
const elsewhere: readonly string[] = ['vectorstore', 'embedding', 'governor'];
const single = serviceNames.filter((name) => !elsewhere.includes(name));
test.each([...single, 'redis', 'postgres'])('kill -9 of %s: it is started again and said', async (name) => {
  const before = deployment.process(name).pid as number;
  process.kill(before, 'SIGKILL');
  await until(() => lines.includes(`${name} is back`));
  expect(lines).toContain(`${name} ended (SIGKILL); starting it again in 0.5 s`);
  expect(deployment.process(name)).toMatchObject({ state: 'ready' });
  expect(deployment.process(name).pid).not.toBe(before);
  expect((await fetch(deployment.url)).status).toBe(200);
});

test('while a tier is down its paths answer 503 and the others go on', async () => {
  const { pid } = deployment.process('chat');
  process.kill(pid as number, 'SIGKILL');
  await until(() => deployment.process('chat').state === 'restarting');
  const response = await fetch(`${deployment.url}/v1/models`);
  expect(response.status).toBe(503);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(await response.json()).toMatchObject({ code: 'tier-down', status: 503 });
  expect((await fetch(`${deployment.url}/v1/brains`)).status).toBe(200);
  await until(() => deployment.process('chat').state === 'ready');
});

test('restart() stops in order and is not a death', async () => {
  const before = deployment.process('api').pid;
  await deployment.process('api').restart();
  expect((await ask('/v1/brains')).pid).not.toBe(before);
  expect(await readFile(join(folder.path, 'logs', 'api.log'), 'utf8')).toContain('drained');
});

test('stop() lets requests end, ends every process, and the next start finds the data', async () => {
  const identities = await Promise.all(deployment.processes.map(({ pid }) => identify(pid as number)));
  const client = new pg.Client({ connectionString: deployment.databaseUrl });
  await client.connect();
  await client.query('create table kept (word text)');
  await client.end();
  const slow = fetch(`${deployment.url}/v1/slow?ms=2000`);
  await until(() => isHolding(folder.path, 'api'));
  await deployment.stop();
  expect((await slow).status).toBe(200);
  for (const identity of identities) expect(identity && (await isAlive(identity))).toBe(false);
  await expect(fetch(deployment.url)).rejects.toThrow();

  deployment = await startDeployment({ data: folder.path, port: 0, programs: standIns, tell, outer: {} });
  const again = new pg.Client({ connectionString: deployment.databaseUrl });
  await again.connect();
  expect((await again.query("select to_regclass('kept') as kept")).rows).toEqual([{ kept: 'kept' }]);
  await again.end();
});

test('a tier that cannot start is named, with its last words', async () => {
  await deployment.stop();
  const settings = { chat: { LOG_LEVEL: 'broken-chat' } };
  await expect(
    startDeployment({ data: folder.path, port: 0, programs: standIns, settings, outer: {} }),
  ).rejects.toThrow(/^chat ended while starting \(code 3\)\. Its log: .*chat\.log\n[\s\S]*the setting is missing$/);
});
