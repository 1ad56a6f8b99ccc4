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

interface Statement {
  readonly text: string;
  /** Of one that is prepared. */
  readonly name?: string | undefined;
}

/** What `act` sends; the statements of the event hub, which nobody waits for, are left out. */
async function sentBy(act: () => Promise<unknown>): Promise<Statement[]> {
  sent.mockClear();
  await act();
  return sent.mock.calls
    .map(([given]) => given as unknown as string | Statement)
    .map((given) => (typeof given === 'string' ? { text: given } : given))
    .filter(({ text }) => !/from "?events\b/.test(text))
    .map(({ text, name }) => ({ text: text.trim().replaceAll(/\s+/g, ' ').slice(0, 30), name }));
}

/** How they begin. */
const statements = async (act: () => Promise<unknown>) => (await sentBy(act)).map(({ text }) => text);

const signIn = 'select person_id, operator, ro';
const look = 'select "api_key_id", "attempt"';

test('an upload costs five statements until its 202, one transaction among them', async () => {
  expect(await statements(() => send('of the second kind'))).toEqual([
    signIn,
    'select scope, documents_max, b',
    'begin; select pg_current_xact_',
    'with place as ( select tenants',
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

test('what an upload and a poll send is prepared once it came often', async () => {
  const both = async (at: number) => {
    const { body: job } = await send(`of kind ${at}`);
    await owner('GET', `/v1/jobs/${job.id}`);
  };
  for (let at = 0; at < 5; at += 1) await both(at);
  const unprepared = (await sentBy(() => both(5))).filter(({ name }) => name === undefined);
  // Several in one message cannot be.
  expect(unprepared.map(({ text }) => text)).toEqual(['begin; select pg_current_xact_']);
});
