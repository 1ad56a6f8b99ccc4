/** Readers of the original who take nothing: on S3, over real sockets. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { lacksS3, startS3, type TestS3 } from '../../../support/s3.ts';
import { testWith } from '../../../support/skip.ts';
import { type Caller, type Harness, startHarness, upload } from '../harness.ts';

const test = testWith(lacksS3);
/** More than the buffers of both ends of a loopback connection take, which is about 6 MB. */
const fileBytes = 16_000_000;
const stallMs = 3000;
const downloads = { callerMax: 16, tenantMax: 60, replicaMax: 70, stallMs };

let s3: TestS3;
let harness: Harness;
let owner: Caller;
let port: number;
let brain: string;
let file: string;
/** Of viewers of the owner's tenant, one each. */
let keys: string[];
const before = { ...process.env };
const sockets: Socket[] = [];

beforeAll(async () => {
  if (lacksS3) return;
  s3 = await startS3();
  Object.assign(process.env, s3.env);
  harness = await startHarness(
    { DOCUMENT_STORE_URL: `s3://${s3.bucket}/bulkhead`, UPLOAD_BYTES_MAX: 2 * fileBytes },
    { downloads },
  );
  owner = await harness.owner();
  brain = (await owner('POST', '/v1/brains', { name: 'B' })).body.id;
  const content = Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(fileBytes)]);
  const { body, headers } = upload(content, 'large.pdf');
  const job = (await owner('POST', `/v1/brains/${brain}/documents`, body, headers)).body;
  file = `/v1/documents/${job.document_id}/file`;
  keys = [];
  for (let index = 0; index < 5; index += 1)
    keys.push((await owner('POST', '/v1/keys', { name: `${index}`, scopes: ['documents:read'] })).body.secret);
  await harness.app.http.listen({ port: 0, host: '127.0.0.1' });
  port = (harness.app.http.server.address() as { port: number }).port;
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(async () => {
  process.env = before;
  await harness?.close();
  await s3?.close();
});

/** A reader that reads the first bytes of the answer and then nothing more. @returns its status */
async function stall(key: string): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  socket.write(`GET ${file} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\n\r\n`);
  const head = await new Promise<Buffer>((resolve, reject) => {
    socket.once('data', resolve).once('close', () => reject(new Error('closed')));
    setTimeout(() => reject(new Error('no answer in 20 s')), 20_000).unref();
  });
  socket.pause();
  return Number(head.toString('latin1').split(' ')[1]);
}

const many = (count: number, key: (index: number) => string) =>
  Promise.all(Array.from({ length: count }, (_, index) => stall(key(index))));

test('50 stalled downloads hold up neither uploads nor other readers, and end by themselves', async () => {
  expect(await many(50, (index) => keys[index % 5] as string)).toEqual(Array(50).fill(200));
  const { body, headers } = upload('While others stall.', 'small.txt');
  const job = await within(owner('POST', `/v1/brains/${brain}/documents`, body, headers), 'an upload');
  expect(job.status).toBe(202);
  const other = `/v1/documents/${job.body.document_id}/file`;
  expect(String((await within(owner('GET', other), 'a download')).body)).toBe('While others stall.');
  await until(() => sockets.every((socket) => socket.destroyed || socket.closed), 'every stalled download has ended');
});

test('one caller may have so many at a time, and is told so; another goes on', async () => {
  const [mine, others] = keys as [string, string];
  // None of them ends while the others begin.
  downloads.stallMs = 300_000;
  expect(await many(16, () => mine)).toEqual(Array(16).fill(200));
  const refused = await fetch(`http://127.0.0.1:${port}${file}`, { headers: { authorization: `Bearer ${mine}` } });
  expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('cache-control')]).toEqual([
    429,
    '5',
    null,
  ]);
  expect((await refused.json()).detail).toBe(
    'Allowed are 16 downloads of yours under way at a time, and 16 are. Let one end and come back in 5 s.',
  );
  expect(await stall(others)).toBe(200);
});

test('HEAD reads nothing from the store', async () => {
  const headers = { authorization: `Bearer ${keys[0]}`, range: 'bytes=0-9' };
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => fetch(`http://127.0.0.1:${port}${file}`, { method: 'HEAD', headers })),
  );
  for (const answer of answers)
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(fileBytes + 9)]);
});

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  return Promise.race([
    work,
    sleep(20_000, undefined, { ref: false }).then(() => {
      throw new Error(`${what} did not end in 20 s beside stalled downloads`);
    }),
  ]);
}

/** Paused sockets do not hear that the other end is gone: reading on tells. */
async function until(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (tries === Math.ceil((stallMs * 2) / 100)) for (const socket of sockets) socket.resume();
    if (holds()) return;
    await sleep(100);
  }
  throw new Error(`not after 30 s: ${what}`);
}
