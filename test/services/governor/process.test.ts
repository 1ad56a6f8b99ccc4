/** Governors as they are started: two processes that share one Redis, of which one dies, and which they lose. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { freePort } from '../../../local/router/ports.ts';
import { proxyOf, type StoreProxy } from '../../support/proxy.ts';
import { startServices, type TestServices } from '../../support/stores.ts';
import {
  type Backend,
  framesOf,
  type LineClient,
  openLines,
  receipts,
  startBackend,
  submit,
  until,
} from './fixture.ts';

let services: TestServices;
let redis: StoreProxy;
let backend: Backend;
const running: { kill(signal?: NodeJS.Signals): void; readonly ended: Promise<unknown> }[] = [];
const clients: LineClient[] = [];
beforeAll(async () => {
  services = await startServices();
  redis = await proxyOf(services.redisUrl);
  backend = await startBackend();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const { kill, ended } of running.splice(0)) {
    kill('SIGKILL');
    await ended;
  }
  redis.heal();
});
afterAll(async () => {
  backend?.close();
  await redis?.close();
  await services?.close();
});

async function start(max: number) {
  const port = await freePort();
  const process = execa(
    'node',
    [
      'services/governor/main.ts',
      '--max-inflight',
      `${max}`,
      '--backend',
      backend.url,
      '--port',
      `${port}`,
      '--redis',
      redis.through(services.redisUrl),
    ],
    { cwd: new URL('../../..', import.meta.url).pathname, reject: false, env: { LOG_LEVEL: 'error' } },
  );
  const one = { port, kill: (signal: NodeJS.Signals = 'SIGTERM') => void process.kill(signal), ended: process };
  running.push(one);
  await until(async () => (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null))?.ok === true);
  return one;
}
const open = async ({ port }: { readonly port: number }) => {
  const client = await openLines(port);
  clients.push(client);
  return client;
};
/** Until it is admitted, as one who comes back again and again. */
async function admitted(client: LineClient, job: string): Promise<void> {
  await until(async () => (await client.ask(framesOf(job, 'x').manifest)).status === 'ok');
}

test('kill -9 in the middle of an answer: the endpoint is told, and the slot comes back to the other one', async () => {
  const [first, second] = [await start(1), await start(1)];
  const [one, other] = [await open(first), await open(second)];
  await admitted(one, 'J_1');
  backend.does((_request, response) => void response.write('half of'));
  one.send(framesOf('J_1', 'x').chunks[0] as object);
  await until(() => backend.seen.inside === 1);
  expect(await other.ask(framesOf('J_2', 'x').manifest)).toMatchObject({ status: 'yield' });
  first.kill('SIGKILL');
  await until(() => backend.seen.inside === 0);
  // A lease of 10 s, and nobody takes its slot before.
  expect(await other.ask(framesOf('J_2', 'x').manifest)).toMatchObject({ status: 'yield' });
  await admitted(other, 'J_2');
});

test('Redis away while slots are held: what runs ends, in sum never more than the slots, and all is well after', async () => {
  const [first, second] = [await start(2), await start(2)];
  const [one, other] = [await open(first), await open(second)];
  backend.does((_request, response, body) => void setTimeout(() => response.end(body), 3000));
  await admitted(one, 'J_1');
  await admitted(one, 'J_2');
  const [done, also] = ['J_1', 'J_2'].map((job) => framesOf(job, 'x').chunks[0] as object);
  one.send(done as object);
  one.send(also as object);
  redis.refuse();
  redis.reset();
  // Both are held by the first: the second knows that none is free.
  for (let asked = 0; asked < 5; asked += 1)
    expect(await other.ask(framesOf('J_3', 'x').manifest)).toMatchObject({ status: 'yield' });
  expect(backend.seen.most).toBeLessThanOrEqual(2);
  expect([(await one.next()).status, (await one.next()).status]).toEqual(['done', 'done']);
  // Its own share goes on without Redis.
  expect(await submit(one, 'J_4', 'x')).toMatchObject({ status: 'done' });
  redis.heal();
  await admitted(other, 'J_5');
  await admitted(other, 'J_6');
  expect(receipts(await other.ask({ v: 0, verb: 'ping', job: 'J', seq: 1 }))).toMatchObject({
    'server.health': 0,
    'backend.inflight': 2,
  });
  expect(await one.ask(framesOf('J_7', 'x').manifest)).toMatchObject({ status: 'yield' });
  expect(backend.seen.most).toBeLessThanOrEqual(2);
});

test('SIGTERM: it drains and is gone; impossible options are said', async () => {
  const one = await start(1);
  one.kill();
  expect(await one.ended).toMatchObject({ exitCode: 0 });
  const { stderr, exitCode } = await execa('node', ['services/governor/main.ts'], { reject: false });
  expect(exitCode).toBe(1);
  expect(stderr).toContain("GOVERNOR_BACKEND_URL is '', allowed is the URL of an inference endpoint: --backend");
});
