/** Tasks that come by the clock: once for all replicas, and shown with how they ended and when they come again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { nextRun, toScheduledTask } from '../../../../services/shared/jobs/scheduled-tasks.ts';
import { runTasks } from '../../../../services/shared/jobs/task-runner.ts';
import { openDatabase } from '../../../../services/shared/postgres/database.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
beforeAll(async () => {
  services = await startServices();
});
afterAll(() => services.close());

describe('the next run', () => {
  test.each([
    ['17 * * * *', '2026-11-28T06:16:59.999Z', '2026-11-28T06:17:00.000Z'],
    ['17 * * * *', '2026-11-28T06:17:00.000Z', '2026-11-28T07:17:00.000Z'],
    ['0 3 * * 0', '2026-11-28T06:00:00.000Z', '2026-11-29T03:00:00.000Z'],
    ['30 0 1 1 *', '2026-12-15T00:00:00.000Z', '2027-01-01T00:30:00.000Z'],
  ])('of %s after %s is %s', (schedule, now, next) => {
    expect(nextRun(schedule, Date.parse(now))?.toISOString()).toBe(next);
  });

  test('of what comes less than once a month is not known', () => {
    expect(nextRun('0 0 31 2 *', Date.now())).toBeNull();
  });
});

test('two replicas run a task once; one that fails is shown as failed, with why', async () => {
  const runs: string[] = [];
  const cron = {
    counts: { at: '* * * * *', run: async () => ({ number: runs.push('counts') }) },
    fails: {
      at: '* * * * *',
      run: async () => {
        runs.push('fails');
        throw new Error('the table is locked');
      },
    },
    rare: { at: '0 0 1 * *', run: async () => undefined },
  };
  const databases = [1, 2].map(() =>
    openDatabase({ url: services.databaseUrlOf('document-worker'), connectionsMax: 6, log: services.log }),
  );
  // So that the minute of their first run does not begin before they are seen waiting.
  while (new Date().getSeconds() >= 50) await sleep(200);
  const runners = await Promise.all(databases.map(({ pool }) => runTasks({ pool, log: services.log, jobs: {}, cron })));
  const db = databases[0]?.db as (typeof databases)[0]['db'];
  const list = async () =>
    (await db.selectFrom('scheduled_tasks').selectAll().orderBy('name').execute()).map((row) =>
      toScheduledTask(row, Date.now()),
    );
  expect((await list()).map(({ name, status }) => [name, status])).toEqual([
    ['counts', 'waiting'],
    ['fails', 'waiting'],
    ['rare', 'waiting'],
  ]);
  const ended = () => list().then((tasks) => tasks.filter(({ finished_at }) => finished_at !== null).length === 2);
  // The next minute begins within one.
  for (const end = Date.now() + 120_000; !(await ended()) && Date.now() < end; ) await sleep(200);
  // A second replica would do it at once.
  await sleep(2000);
  const [counts, fails] = await list();
  expect(counts).toMatchObject({ status: 'succeeded', error: null, result: { number: 1 }, failures_in_a_row: 0 });
  expect(fails).toMatchObject({ status: 'failed', error: 'the table is locked', result: null });
  expect(Date.parse(counts?.next_run_at as string)).toBeGreaterThan(Date.parse(counts?.started_at as string));
  expect(runs.filter((name) => name === 'counts')).toHaveLength(1);
  for (const runner of runners) await runner.close();
  for (const { close } of databases) await close();
}, 180_000);
