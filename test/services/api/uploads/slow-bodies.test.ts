/** Senders who never end, over real sockets; the limits are shortened, the rules are those of production. */
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type Caller, type Harness, startHarness } from '../harness.ts';

let harness: Harness;
let owner: Caller;
let brain: string;
let port: number;
let keys: string[];
const sockets: Socket[] = [];
const timers: NodeJS.Timeout[] = [];

beforeAll(async () => {
  harness = await startHarness(
    {},
    {
      bodyTimeoutMs: 1000,
      uploads: {
        callerMax: 3,
        tenantMax: 4,
        replicaMax: 4,
        windowMs: 1000,
        windowBytesMin: 20,
        graceMs: 3000,
        bytesPerSecondMin: 1000,
      },
    },
  );
  owner = await harness.owner();
  brain = (await owner('POST', '/v1/brains', { name: 'B' })).body.id;
  const key = async () => (await owner('POST', '/v1/keys', { name: 'k', scopes: ['documents:write'] })).body.secret;
  keys = [await key(), await key()];
  await harness.app.http.listen({ port: 0, host: '127.0.0.1' });
  port = (harness.app.http.server.address() as { port: number }).port;
});
afterEach(async () => {
  for (const timer of timers.splice(0)) clearInterval(timer);
  for (const socket of sockets.splice(0)) socket.destroy();
  // Their uploads have ended before the next test counts.
  while (Number((await harness.app.http.inject('/livez')).statusCode) !== 200);
});
afterAll(() => harness.close());

interface Slow {
  /** The whole of what came back, once the server has closed the connection. */
  readonly answer: Promise<string>;
}

/** Sends a head, then `piece` again and again, and never the end. */
function drip(head: string, piece: string, everyMs = 100): Slow {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.setEncoding('latin1').on('data', (more) => {
    text += more;
  });
  socket.on('error', () => {});
  socket.write(head);
  const timer = setInterval(() => piece !== '' && socket.writable && socket.write(piece), everyMs);
  timers.push(timer);
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('close', () => resolve(text));
    setTimeout(() => reject(new Error(`still open after 20 s, having said: ${text}`)), 20_000).unref();
  }).finally(() => clearInterval(timer));
  // Some tests look at a few of many.
  answer.catch(() => {});
  return { answer };
}

function uploadHead(key: string, length: number, idempotency = ''): string {
  const more = idempotency && `idempotency-key: ${idempotency}\r\n`;
  return `POST /v1/brains/${brain}/documents HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: ${length}\r\n${more}\r\n`;
}
const partHead = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n';

async function objects(): Promise<string[]> {
  const folder = fileURLToPath(harness.services.documentStoreUrl);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

test('a JSON body that never ends is answered 408, also of a caller who is not known', async () => {
  const head =
    'POST /v1/auth/sign-in/email HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{';
  const answer = await drip(head, ' ').answer;
  expect(answer).toMatch(/^HTTP\/1.1 408 /);
  expect(answer).toMatch(/connection: close/i);
  expect(answer).toContain('"code":"too-slow"');
  expect(answer).toContain('The body had not ended after 1 s, which is the most. Send it again, faster.');
});

test('an upload without a part ends, and sets its key free', async () => {
  const answer = await drip(`${uploadHead(keys[0] as string, 100_000, 'slow-1')}--b\r\n`, 'x').answer;
  expect(answer).toMatch(/^HTTP\/1.1 408 /);
  expect(answer).toContain('bytes came in 1 s, and the least is 20');
  expect(await harness.services.query('select key from idempotency_keys')).toEqual([]);
});

test('an upload that drips ends and leaves nothing', async () => {
  const answer = await drip(uploadHead(keys[0] as string, 100_000) + partHead, 'x').answer;
  expect(answer).toMatch(/^HTTP\/1.1 408 /);
  expect(await objects()).toEqual([]);
});

test('an upload just above the least of a window ends when its whole time is over', async () => {
  // At most 300 bytes a second; 2,000 bytes may take 3 s and 2 s more.
  const started = Date.now();
  const answer = await drip(uploadHead(keys[0] as string, 2000) + partHead, 'x'.repeat(30), 100).answer;
  expect(answer).toMatch(/^HTTP\/1.1 408 /);
  expect(answer).toContain('had not ended after 5 s, which is the most for its size');
  expect(Date.now() - started).toBeGreaterThanOrEqual(4900);
});

test('uploads of one caller, and of one replica, are bounded and said so', async () => {
  const [mine, others] = keys as [string, string];
  const start = (key: string) => drip(uploadHead(key, 100_000) + partHead, 'x'.repeat(100), 50);
  for (let index = 0; index < 3; index += 1) start(mine);
  await settled(3);
  const refused = await drip(uploadHead(mine, 100), '').answer;
  expect(refused).toMatch(/^HTTP\/1.1 429 /);
  expect(refused).toContain('Allowed are 3 uploads of yours under way at a time');
  start(others);
  await settled(4);
  expect(await drip(uploadHead(others, 100), '').answer).toMatch(/^HTTP\/1.1 429 /);
});

test('what is left of a body after its answer is not waited for', async () => {
  const head = 'POST /v1/nowhere HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{';
  expect(await drip(head, ' ').answer).toMatch(/^HTTP\/1.1 4/);
});

/** So many uploads are being written. */
async function settled(count: number): Promise<void> {
  for (let tries = 0; tries < 600 && (await objects()).length < count; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await objects()).length).toBe(count);
}
