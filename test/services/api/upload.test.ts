import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, type Harness, startHarness, upload } from './harness.ts';

let harness: Harness;
let owner: Caller;
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
});
afterAll(() => harness.close());

async function brain(): Promise<string> {
  const made = await owner('POST', '/v1/brains', { name: 'Reports' });
  expect(made.status).toBe(201);
  return made.body.id;
}

async function send(brainId: string, content: string | Buffer, name?: string, headers: Record<string, string> = {}) {
  const { body, headers: type } = upload(content, name);
  return owner('POST', `/v1/brains/${brainId}/documents`, body, { ...type, ...headers });
}

test('an upload is answered 202 with its job', async () => {
  const answer = await send(await brain(), '# Title\n\ntext');
  expect(answer.body).toMatchObject({ object: 'job', kind: 'ingest', status: 'queued' });
  expect(answer.status).toBe(202);
  expect(answer.headers.location).toBe(`/v1/jobs/${answer.body.id}`);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
});
