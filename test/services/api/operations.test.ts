/** What the owner of the installation is shown: what replicas told, what waits, what was spent, what runs by the clock. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { measuredConstants } from '../../../environments/capacity/model.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { local } from '../../../environments/local.ts';
import { serviceSettings } from '../../../environments/wiring/settings.ts';
import { createApi } from '../../../services/api/app.ts';
import type { ApiSettings } from '../../../services/api/settings.ts';
import { createDurations } from '../../../services/shared/figures/durations.ts';
import { writeMinute } from '../../../services/shared/figures/replica-minutes.ts';
import { openDatabase } from '../../../services/shared/postgres/database.ts';
import { waitForMeter } from '../../../services/shared/scheduler/meters.ts';
import { RedisScheduler } from '../../../services/shared/scheduler/redis-scheduler.ts';
import { type Caller, type Harness, startHarness } from './harness.ts';

const environment = resolveEnvironment(local);
const { PREDICTED_CAPACITY } = serviceSettings(environment, 'api', environment.tiers.api?.[0] as never);

let api: Harness;
let owner: Caller;
beforeAll(async () => {
  api = await startHarness({ PREDICTED_CAPACITY });
  owner = await api.owner();
});
afterAll(() => api.close());

const tell = (tier: string, replica: string, minutesAgo: number, figures: object, reportedSecondsAgo = 5) =>
  api.services.query(
    `insert into replica_minutes (tier, replica, minute, reported_at, started_at, version, figures)
     values ($1, $2, date_trunc('minute', now()) - make_interval(mins => $3), now() - make_interval(secs => $4), now(), '1', $5)`,
    [tier, replica, minutesAgo, reportedSecondsAgo, JSON.stringify(figures)],
  );
test.each(['api', 'chat', 'vectorstore', 'document-worker'] as const)(
  'a replica of %s tells of itself in its own role, twice in a minute',
  async (tier) => {
    const { databaseUrlOf, log } = api.services;
    const { db, close } = openDatabase({ url: databaseUrlOf(tier), connectionsMax: 1, log });
    const now = new Date();
    try {
      for (const errors of [1, 2])
        await writeMinute(db, { tier, replica: 'own', minute: now, startedAt: now, version: '1', figures: { errors } });
    } finally {
      await close();
    }
    const rows = await api.services.query(`select figures from replica_minutes where tier = $1 and replica = 'own'`, [
      tier,
    ]);
    expect(rows).toEqual([{ figures: { errors: 2 } }]);
    await api.services.query(`delete from replica_minutes where replica = 'own'`);
  },
);

const countsOf = (seconds: number, times: number) => {
  const durations = createDurations();
  for (let index = 0; index < times; index += 1) durations.observe(seconds);
  return durations.counts;
};

test('scheduled tasks are listed for the owner of the installation alone', async () => {
  await api.services.query(
    `insert into scheduled_tasks (name, schedule, started_at, finished_at, outcome, error, failures_in_a_row)
     values ('sweep', '47 * * * *', now() - interval '1 hour', now() - interval '59 minutes', 'failed', 'no bucket', 2),
       ('clean_up', '17 * * * *', now(), now() - interval '1 hour', 'succeeded', null, 0)`,
  );
  const { status, body } = await owner('GET', '/v1/operations/scheduled');
  expect(status).toBe(200);
  expect(body.data).toMatchObject([
    { name: 'clean_up', status: 'running', next_run_at: expect.stringMatching(/:17:00.000Z$/) },
    { name: 'sweep', status: 'failed', error: 'no bucket', failures_in_a_row: 2, schedule: '47 * * * *' },
  ]);
  const other = await api.otherTenant();
  for (const path of ['/v1/operations', '/v1/operations/history', '/v1/operations/scheduled']) {
    expect((await other('GET', path)).body.code).toBe('forbidden');
    expect((await api.nobody('GET', path)).body.code).toBe('unauthorized');
  }
});

test('figures of replicas stand together, beside what the sheet predicted; who is silent is gone', async () => {
  const chat = { slots: 64, slotsInUse: 3, yields: 10, memory: 2 ** 28, memoryBudget: 2 ** 29, cpu: 0.2, errors: 5 };
  await tell('chat', 'a', 0, {
    ...chat,
    modelSlots: { 'http://gpu/v1': 8 },
    modelSlotsInUse: { 'http://gpu/v1': 5 },
    firstToken: countsOf(0.25, 90),
  });
  await tell('chat', 'a', 1, { ...chat, slotsInUse: 60, firstToken: countsOf(4, 10), fullAnswer: countsOf(12, 20) });
  await tell('chat', 'b', 0, {
    ...chat,
    slotsInUse: 4,
    memoryBudget: 0,
    modelSlots: { 'http://gpu/v1': 8 },
    modelSlotsInUse: { 'http://gpu/v1': 6 },
  });
  await tell('api', 'other', 0, { requests: 60_000 });
  await tell('chat', 'gone', 1, { ...chat, slotsInUse: 64 }, 60);
  const { status, body } = await owner('GET', '/v1/operations');
  expect(status).toBe(200);
  // The api that answers tells of itself, too.
  const chats = body.replicas.filter(({ tier }: { tier: string }) => tier === 'chat');
  expect(chats.map(({ name }: { name: string }) => name)).toEqual(['a', 'b']);
  expect(chats[0]).toMatchObject({
    memory_bytes: 2 ** 28,
    memory_budget_bytes: 2 ** 29,
    cpu_cores: 0.2,
    cpu_budget_cores: 0.5,
  });
  // Its container has no limit: the environment says what it may use.
  expect(chats[1].memory_budget_bytes).toBe(512 * 2 ** 20);
  expect(body.chat).toMatchObject({
    slots: 128,
    slots_in_use: 7,
    model_endpoints: [{ endpoint: 'http://gpu/v1', slots: 8, slots_in_use: 6 }],
  });
  // 40 refusals in four to five minutes.
  expect(body.chat.yields_per_minute).toBeGreaterThanOrEqual(8);
  expect(body.chat.yields_per_minute).toBeLessThanOrEqual(10);
  // 60,000 in four to five minutes, and the few of this test.
  expect(body.api.requests_per_second).toBeGreaterThanOrEqual(200);
  expect(body.api.requests_per_second).toBeLessThan(252);
  const { p50, p95 } = body.chat.first_token_seconds;
  expect(p50).toBeGreaterThan(0.2);
  expect(p50).toBeLessThan(0.3);
  expect(p95).toBeGreaterThan(3);
  // Measured by the replica that answers; the constants may have no count to compare with.
  expect(body.cpu.rounds_per_second).toBeGreaterThan(1);
  expect(body.cpu.model).toEqual(expect.any(String));
  const { cpu_rounds_per_second: constants } = body.predicted;
  expect(body.cpu.factor).toBe(constants === null ? null : body.cpu.rounds_per_second / constants);
  expect(body.predicted).toMatchObject({
    chats_at_once: expect.any(Number),
    // 1 % of what is carried, at two digits.
    yields_per_minute: expect.closeTo(body.predicted.chats_per_minute / 100, 1),
    first_token_seconds: { p50: expect.any(Number), p95: expect.any(Number) },
    // Not a bare 0: the constants that tests compute with have some.
    errors_per_minute: measuredConstants.errorLinesPerMinute.value,
    tiers: { chat: { vcpu: 0.5, memory_mib: 512 } },
  });
});

test('what waits is told by band and tenant, what an account may still take by meter', async () => {
  const [tenant] = await api.db.selectFrom('tenants').select(['id', 'name']).orderBy('created_at').limit(1).execute();
  const tenantId = tenant?.id as string;
  const brain = await owner('POST', '/v1/brains', { name: 'Manuals' });
  const [documentId, jobId] = [uuidv7(), uuidv7()];
  await api.services.query(
    `insert into documents (id, tenant_id, brain_id, name, media_type, size_bytes, sha256, object_key, pages_total)
     values ($1, $2, $3, 'a', 'application/pdf', 1, decode(repeat('00', 32), 'hex'), 'x', 300)`,
    [documentId, tenantId, brain.body.id],
  );
  await api.services.query(
    `insert into jobs (id, tenant_id, kind, brain_id, document_id, status, pages_total, created_at)
     values ($1, $2, 'ingest', $3, $4, 'running', 300, now() - interval '100 seconds')`,
    [jobId, tenantId, brain.body.id, documentId],
  );
  const scheduler = new RedisScheduler(api.redis);
  const pagesLeft = Array.from({ length: 300 }, (_, index) => index + 1);
  await scheduler.enqueue({ jobId, tenantId, pagesLeft, enqueuedAtMs: Date.now() - 100_000 });
  await scheduler.grant({ worker: 'w', kinds: ['parse'], slots: 4, heavySlots: 0 });
  const account = { name: 'model/big', requestsPerMinute: 60, tokensPerMinute: 10_000 };
  await waitForMeter(api.redis, account, { requests: 1, tokens: 100 }, { waitMsMax: 5000 });

  const { body } = await owner('GET', '/v1/operations');
  const band = body.documents.bands.find((one: { pages_waiting: number }) => one.pages_waiting > 0);
  expect(band).toMatchObject({ jobs_waiting: 1, pages_waiting: 250, pages_granted: 50 });
  expect(band.oldest_wait_seconds).toBeGreaterThanOrEqual(100);
  expect(body.documents.tenants).toMatchObject([
    { tenant_id: tenantId, name: tenant?.name, pages_left: 300, pages_granted: 50 },
  ]);
  expect(body.meters).toEqual(
    expect.arrayContaining([
      { account: 'model/big', unit: 'requests', limit_per_minute: 60, left: 59, factor: 1 },
      { account: 'model/big', unit: 'tokens', limit_per_minute: 10_000, left: 9900, factor: 1 },
    ]),
  );
});

test('a day of minutes: replicas together, gaps where nobody told', async () => {
  await tell('document-worker', 'a', 3, { pagesGrantedAndWaiting: 70, pagesRead: 5, memory: 100 });
  await tell('document-worker', 'b', 3, { pagesGrantedAndWaiting: 80, pagesRead: 6, memory: 300 });
  const { status, body } = await owner('GET', '/v1/operations/history');
  expect(status).toBe(200);
  expect(body.minutes).toHaveLength(24 * 60);
  const last = (metric: string) =>
    body.series
      .find((one: { metric: string; tier: string }) => one.metric === metric && one.tier === 'document-worker')
      ?.values.slice(-4);
  // Whoever asks just after a full minute sees one minute more.
  expect(last('pagesRead')).toContain(11);
  expect(last('pagesGrantedAndWaiting')).toContain(80);
  expect(last('memory')).toContain(300);
  expect(last('memory').filter((value: number | null) => value === null)).toHaveLength(3);
  const p95 = body.series.find((one: { metric: string }) => one.metric === 'firstToken_p95');
  expect(p95.values.some((value: number | null) => value !== null && value > 3)).toBe(true);
});

test('a prediction that is none stops the start, and says what is allowed', async () => {
  const settings = { PREDICTED_CAPACITY: '{}' } as ApiSettings;
  await expect(createApi(settings, api.services.log)).rejects.toThrow(
    /PREDICTED_CAPACITY is not what the sheet writes.*allowed is that JSON, or nothing/s,
  );
});
