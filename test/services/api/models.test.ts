import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, type Harness, startHarness } from './harness.ts';

let harness: Harness;
let owner: Caller;
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
});
afterAll(() => harness.close());

const detail =
  "The model is 'dearest', allowed here are 'small', 'large', 'larger', 'extractive'. Choose one of them, or ask the owner of this installation.";

test('a brain is answered by models that the environment lists, and by no other', async () => {
  for (const model of [null, 'extractive', 'small', 'larger'])
    expect((await owner('POST', '/v1/brains', { name: 'Allowed', model })).body).toMatchObject({ model });
  const made = await owner('POST', '/v1/brains', { name: 'Dear', model: 'dearest' });
  expect([made.status, made.body.detail]).toEqual([400, detail]);
  const { id } = (await owner('POST', '/v1/brains', { name: 'Dear' })).body;
  const changed = await owner('PATCH', `/v1/brains/${id}`, { model: 'dearest' });
  expect([changed.status, changed.body.detail]).toEqual([400, detail]);
  expect((await owner('PATCH', `/v1/brains/${id}`, { model: 'large' })).body.model).toBe('large');
});
