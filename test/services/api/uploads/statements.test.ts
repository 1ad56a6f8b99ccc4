/** What an upload and a poll cost PostgreSQL: each statement is a way there and back that its caller waits for. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { type Caller, type Harness, startHarness, upload } from '../harness.ts';

let harness: Harness;
let owner: Caller;
let brain: string;
const sent = jest.spyOn(pg.Client.prototype, 'query');
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
  brain = (await owner('POST', '/v1/brains', { name: 'Reports' })).body.id;
});
afterAll(async () => {
  sent.mockRestore();
  await harness.close();
});

function send(content: string) {
  const { body, headers } = upload(content, 'a.txt');
  return owner('POST', `/v1/brains/${brain}/documents`, body, headers);
}

/** How the statements begin that `act` sends; those of the event hub, which nobody waits for, are left out. */
async function statements(act: () => Promise<unknown>): Promise<string[]> {
  sent.mockClear();
  await act();
  const texts = sent.mock.calls.map(([given]) => given as unknown as string | { readonly text: string });
  return texts
    .map((given) => (typeof given === 'string' ? given : given.text).trim().replaceAll(/\s+/g, ' '))
    .filter((text) => !/from "?events\b/.test(text))
    .map((text) => text.slice(0, 30));
}

const signIn = 'select p.id as person_id, p.op';
const look = 'select * from "jobs" where "id';

test('an upload costs eight statements until its 202, one transaction among them', async () => {
  expect(await statements(() => send('of the second kind'))).toEqual([
    signIn,
    'select "brains".*, "tenants"."',
    "select 'tenant' as scope, docu",
    'begin; select pg_current_xact_',
    'select "tenants"."documents_ma',
    'with "made" as (insert into "d',
    'with "job" as (insert into "jo',
    'commit',
  ]);
});

test('a poll costs one statement beside the sign-in, and the ledger once the document was begun', async () => {
  const { body: job } = await send('of the third kind');
  const poll = () => owner('GET', `/v1/jobs/${job.id}`);
  expect(await statements(poll)).toEqual([signIn, look]);
  await harness.services.query('update jobs set started_at = now() where id = $1', [job.id]);
  expect(await statements(poll)).toEqual([signIn, look, 'select job_id, coalesce(sum(am']);
});
