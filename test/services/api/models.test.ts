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

test('a tenant’s brains are answered by those its operator leaves it, and by no other', async () => {
  const { id } = (await owner('GET', '/v1/tenant')).body;
  const allow = (models_allowed: string[] | null) => owner('PATCH', `/v1/tenants/${id}`, { models_allowed });
  const brain = async (model: string) => {
    const { status, body } = await owner('POST', '/v1/brains', { name: 'Brain', model });
    return status === 200 || status === 201 ? body.model : [status, body.detail];
  };
  const refused = (model: string, allowed: string) => [
    400,
    `The model is '${model}', allowed here are ${allowed}. Choose one of them, or ask the owner of this installation.`,
  ];
  expect((await allow(['large'])).body.models_allowed).toEqual(['large']);
  expect(await brain('large')).toBe('large');
  expect(await brain('small')).toEqual(refused('small', "'large', 'extractive'"));
  const own = (await owner('POST', '/v1/brains', { name: 'Own' })).body;
  expect((await owner('PATCH', `/v1/brains/${own.id}`, { model: 'small' })).status).toBe(400);
  await allow(['extractive']);
  expect(await brain('extractive')).toBe('extractive');
  expect(await brain('large')).toEqual(refused('large', "'extractive'"));
  const unlisted = await allow(['large', 'dearest']);
  expect([unlisted.status, unlisted.body.detail]).toEqual([
    400,
    "The model is 'dearest', allowed here are 'small', 'large', 'larger', 'extractive'. More are added with MODELS or MODELS_ALLOWED (docs/operating.md).",
  ]);
  const stranger = await harness.otherTenant();
  expect((await stranger('PATCH', `/v1/tenants/${id}`, { models_allowed: null })).status).toBe(403);
  expect((await stranger('POST', '/v1/brains', { name: 'Theirs', model: 'small' })).body.model).toBe('small');
  const made = await owner('POST', '/v1/tenants', { name: 'Limited', models_allowed: ['larger'] });
  expect(made.body.models_allowed).toEqual(['larger']);
  expect((await allow(null)).body.models_allowed).toBeNull();
  expect(await brain('small')).toBe('small');
});
