/**
 * Stores that break, hang and come back, under load, against the real processes: none of them ends or is started anew,
 * callers get a clear `503`, and everything goes on afterwards. The drill of five minutes: `STORES_AWAY_MS=300000`.
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect } from '@jest/globals';
import { Redis } from 'ioredis';
import pg from 'pg';
import { placedServices, resolveEnvironment } from '../../environments/environment.ts';
import { local } from '../../environments/local.ts';
import { type Route, routes } from '../../services/shared/contract/routes.ts';
import { proxyOf, type StoreProxy } from '../support/proxy.ts';
import { lacksS3, startS3, type TestS3 } from '../support/s3.ts';
import { testWith } from '../support/skip.ts';
import { collect, ofKind } from './client.ts';
import { type Flow, openFlow, startTimeoutMs } from './deployment.ts';

// Without weights there is no embedding.
const tiers = placedServices(resolveEnvironment(local)).filter((name) => name !== 'embedding');

/** Long enough for every time limit in between to be met; the drill takes longer. */
const awayMs = Number(process.env.STORES_AWAY_MS ?? 20_000);

let s3: TestS3;
let proxy: StoreProxy;
let flow: Flow;
let brain: string;
const told: string[] = [];
beforeAll(async () => {
  if (lacksS3) return;
  s3 = await startS3();
  proxy = await proxyOf(s3.env.AWS_ENDPOINT_URL);
  flow = await openFlow({
    outer: { ...s3.env, AWS_ENDPOINT_URL: `http://127.0.0.1:${proxy.port}`, DOCUMENT_STORE_URL: `s3://${s3.bucket}/b` },
    tell: (line) => told.push(line),
  });
  brain = (await flow.owner.call(routes.createBrain, { body: { name: 'Away' } })).id;
  await writeFile(join(flow.folder, 'leave.txt'), 'Annual leave is twenty five days.');
  expect(await works()).toBe(true);
}, startTimeoutMs);
beforeEach(() => {
  told.length = 0;
});
afterAll(async () => {
  await flow?.close();
  await proxy?.close();
  await s3?.close();
}, startTimeoutMs);

const test = testWith(lacksS3);
const pids = () => flow.deployment.processes.map(({ name, pid, state }) => `${name} ${pid} ${state}`);

interface Seen {
  readonly what: string;
  readonly status: number;
  readonly code?: string;
  readonly retryAfter?: string | null;
}

/** Four callers who ask without a pause; what they were answered. */
function load(): { stop(): Promise<Seen[]> } {
  const seen: Seen[] = [];
  let stopped = false;
  let count = 0;
  const send = async (what: string, route: Route, options: object) => {
    const answer = await flow.owner.send(route, options);
    const body = await answer.text();
    const problem = answer.status >= 400 ? (JSON.parse(body) as { code: string }) : undefined;
    seen.push({ what, status: answer.status, code: problem?.code, retryAfter: answer.headers.get('retry-after') });
  };
  const upload = () => {
    const body = new FormData();
    body.append('file', new Blob([`Text number ${count++}.`]), 'a.txt');
    return send('upload', routes.uploadDocument, { params: { brain }, body });
  };
  const ask = async () => {
    const made = await flow.owner.send(routes.createConversation, { body: { brain_id: brain } });
    const { id, code } = (await made.json()) as { id: string; code?: string };
    if (made.status !== 201)
      return void seen.push({
        what: 'converse',
        status: made.status,
        code,
        retryAfter: made.headers.get('retry-after'),
      });
    await send('ask', routes.createTurn, {
      params: { conversation: id },
      body: { question: 'How many days of leave?' },
    });
  };
  const acts = [
    () => send('me', routes.me, {}),
    () => send('documents', routes.listDocuments, { params: { brain } }),
    upload,
    ask,
  ];
  const loops = acts.map(async (act) => {
    for (let round = 0; !stopped && round < 20_000; round += 1) {
      await act().catch((error: Error) => seen.push({ what: `no answer: ${error.cause ?? error}`, status: 0 }));
      await sleep(20);
    }
  });
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
      return seen;
    },
  };
}

/** No answer but success, or a 503 that says what to do. */
function expectClear(seen: readonly Seen[]): void {
  const unclear = seen.filter(
    ({ status, code, retryAfter }) =>
      !(status >= 200 && status < 300) &&
      !(status === 503 && retryAfter && ['store-unavailable', 'unavailable', 'yield'].includes(code ?? '')),
  );
  expect(unclear).toEqual([]);
}

/** The main job. */
async function works(): Promise<boolean> {
  const answer = await flow.owner.upload(brain, join(flow.folder, 'leave.txt'));
  const accepted = (await answer.json()) as { id: string };
  if (answer.status === 202) expect(await flow.owner.finished(accepted.id)).toMatchObject({ status: 'succeeded' });
  const { events } = await flow.owner.ask(brain, 'How many days of annual leave?');
  return ofKind(events, 'citation').length > 0;
}

async function worksAgain(): Promise<void> {
  for (const end = Date.now() + 90_000; ; await sleep(500)) {
    const answered = await works().catch((error: Error) => {
      if (Date.now() > end) throw error;
      return false;
    });
    if (answered) return;
    if (Date.now() > end) throw new Error('the main job does not work again after 90 s');
  }
}

test('connections that break, in every store at once, end no process', async () => {
  const before = pids();
  const database = new pg.Client({ connectionString: flow.deployment.databaseUrl });
  const redis = new Redis(flow.deployment.redisUrl);
  await database.connect();
  const callers = load();
  for (let round = 0; round < 12; round += 1) {
    await sleep(500);
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
    );
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    proxy.reset();
  }
  await sleep(500);
  const seen = await callers.stop();
  await database.end();
  redis.disconnect();
  expect([pids(), told]).toEqual([before, []]);
  expect(seen.filter(({ status }) => status === 200).length).toBeGreaterThan(10);
  expectClear(seen);
  await worksAgain();
  expect([pids(), told]).toEqual([before, []]);
}, 300_000);

test(
  'PostgreSQL hangs under load: degraded, 503, nothing restarts, everything resumes',
  async () => {
    const before = pids();
    const callers = load();
    await sleep(1000);
    const frozen = await freeze(flow.deployment.process('postgres').pid as number);
    await sleep(awayMs);
    const health = await Promise.all(tiers.map(async (name) => [name, await healthOf(name)] as const));
    frozen.thaw();
    const seen = await callers.stop();
    for (const [name, { live, ready, body }] of health)
      expect([name, live, ready, body.away?.map((away) => away.name) ?? []]).toEqual([
        name,
        200,
        200,
        name === 'web' ? [] : ['postgres'],
      ]);
    expect(seen.some(({ code }) => code === 'store-unavailable')).toBe(true);
    expectClear(seen);
    expect([pids(), told]).toEqual([before, []]);
    await worksAgain();
    expect([pids(), told]).toEqual([before, []]);
  },
  awayMs + 300_000,
);

test('the vectorstore hangs: chat stays, says so per question, and answers again', async () => {
  const before = pids();
  const { pid } = flow.deployment.process('vectorstore');
  process.kill(pid as number, 'SIGSTOP');
  try {
    const conversation = await flow.owner.call(routes.createConversation, { body: { brain_id: brain } });
    const options = { params: { conversation: conversation.id }, body: { question: 'How many days of leave?' } };
    const events = await collect(await flow.owner.send(routes.createTurn, options));
    expect(events.at(-1)).toMatchObject({ event: 'error', data: { code: 'unavailable' } });
    const { live, ready, body } = await healthOf('chat');
    expect([live, ready, body.away?.map(({ name }) => name)]).toEqual([200, 200, ['vectorstore']]);
  } finally {
    process.kill(pid as number, 'SIGCONT');
  }
  await worksAgain();
  expect([pids(), told]).toEqual([before, []]);
}, 180_000);

async function healthOf(name: (typeof tiers)[number]) {
  const ask = (path: string) => fetch(`${flow.deployment.tierUrl(name)}${path}`, { signal: AbortSignal.timeout(5000) });
  const ready = await ask('/readyz');
  const body = (await ready.json()) as { away?: { name: string }[] };
  return { live: (await ask('/livez')).status, ready: ready.status, body };
}

/** Stops a server and its backends, as a machine that hangs: what is open stays open, nothing answers. */
async function freeze(server: number): Promise<{ thaw(): void }> {
  process.kill(server, 'SIGSTOP');
  const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=', '--ppid', String(server)]);
  const all = [server, ...stdout.trim().split(/\s+/).map(Number)];
  const signal = (name: NodeJS.Signals) => {
    for (const pid of all)
      try {
        process.kill(pid, name);
      } catch (error) {
        // A backend that ended meanwhile.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
  };
  signal('SIGSTOP');
  return { thaw: () => signal('SIGCONT') };
}
