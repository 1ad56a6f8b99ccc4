/** What runs by the clock, as the owner of the installation sees it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Harness, startHarness } from './harness.ts';

let api: Harness;
beforeAll(async () => {
  api = await startHarness();
});
afterAll(() => api.close());

test('scheduled tasks are listed for the owner of the installation alone', async () => {
  await api.services.query(
    `insert into scheduled_tasks (name, schedule, started_at, finished_at, outcome, error, failures_in_a_row)
     values ('sweep', '47 * * * *', now() - interval '1 hour', now() - interval '59 minutes', 'failed', 'no bucket', 2),
       ('clean_up', '17 * * * *', now(), now() - interval '1 hour', 'succeeded', null, 0)`,
  );
  const owner = await api.owner();
  const { status, body } = await owner('GET', '/v1/operations/scheduled');
  expect(status).toBe(200);
  expect(body.data).toMatchObject([
    { name: 'clean_up', status: 'running', next_run_at: expect.stringMatching(/:17:00.000Z$/) },
    { name: 'sweep', status: 'failed', error: 'no bucket', failures_in_a_row: 2, schedule: '47 * * * *' },
  ]);
  const other = await api.otherTenant();
  expect((await other('GET', '/v1/operations/scheduled')).body.code).toBe('forbidden');
  expect((await api.nobody('GET', '/v1/operations/scheduled')).body.code).toBe('unauthorized');
});
