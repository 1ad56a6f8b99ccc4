/** Slots of a replica are given back whatever becomes of the callers. */
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startServices, type TestServices } from '../../support/stores.ts';
import {
  chunksOf,
  dimensions,
  search,
  startVectorstore,
  type TestBrain,
  type TestVectorstore,
  tokenFor,
  upsert,
  upsertPath,
} from './fixture.ts';

/** More than there are slots for writes. */
const callers = 12;
const writesMax = 8;
const text = ['The text of a page.'];

let services: TestServices;
let store: TestVectorstore;
let port: number;
let hold: Promise<void> | undefined;
beforeAll(async () => {
  services = await startServices();
  store = await startVectorstore(services, undefined, async () => hold);
  await store.app.http.listen({ host: '127.0.0.1', port: 0 });
  port = (store.app.http.server.address() as AddressInfo).port;
});
afterAll(async () => {
  await store.close();
  await services.close();
});

/** Sends the head of a write and some of its body, and goes without an answer when `until` is over. */
async function leaveAmid(
  brain: TestBrain,
  body: string,
  length: number,
  until: () => Promise<unknown> = () => sleep(100),
): Promise<void> {
  const path = upsertPath(brain);
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: vectorstore',
    `authorization: Bearer ${await tokenFor(path, brain)}`,
    'content-type: application/json',
    `content-length: ${length}`,
  ];
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.write(`${head.join('\r\n')}\r\n\r\n${body}`, () => resolve()));
  await until();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.destroy();
  await closed;
}

async function worksSoon(brain: TestBrain): Promise<void> {
  for (const end = Date.now() + 20_000; ; await sleep(100)) {
    const { status } = await upsert(store, brain, text);
    if (status === 200) return;
    if (Date.now() > end) expect([status, 'after 20 s']).toEqual([200, 'soon']);
  }
}

test('callers who go amid their body take no slot with them', async () => {
  const brain = await store.newBrain();
  for (let caller = 0; caller < callers; caller += 1) await leaveAmid(brain, '{"epoch":', 1000);
  await worksSoon(brain);
});

test('callers who go while their write is under way hold a slot until it has ended, and no longer', async () => {
  const brain = await store.newBrain();
  expect((await upsert(store, brain, text)).status).toBe(200);
  const { promise, resolve } = Promise.withResolvers<void>();
  hold = promise;
  const body = JSON.stringify({ epoch: 0, dimensions, chunks: chunksOf(brain.documentId, text) });
  const letIn = async () =>
    Number(/^vectorstore_writes_executed (\d+)$/m.exec((await store.app.http.inject('/metrics')).body)?.[1]);
  const before = await letIn();
  const allWrite = async () => {
    while ((await letIn()) < before + writesMax) await sleep(50);
    // Each gives the bodies, which came with the heads, another turn to be read.
    for (let turn = 0; turn < 10; turn += 1) await sleep(20);
  };
  await Promise.all(Array.from({ length: callers }, () => leaveAmid(brain, body, Buffer.byteLength(body), allWrite)));
  // Their bodies are still in memory.
  expect((await upsert(store, brain, text)).status).toBe(503);
  hold = undefined;
  resolve();
  await worksSoon(brain);
});

test('a tenant that searches seldom does not stand behind all that another searches for', async () => {
  const [loud, quiet] = [await store.newBrain(), await store.newBrain()];
  for (const brain of [loud, quiet]) expect((await upsert(store, brain, text)).status).toBe(200);
  await Promise.all([loud, quiet].map((brain) => search(store, brain, 'text')));
  let before = 0;
  const flood = Array.from({ length: 50 }, async () => {
    expect((await search(store, loud, 'text of a page')).status).toBe(200);
    before += 1;
  });
  expect((await search(store, quiet, 'text of a page')).status).toBe(200);
  // Four that ran already, and one more for each turn of theirs.
  expect(before).toBeLessThan(15);
  await Promise.all(flood);
});
