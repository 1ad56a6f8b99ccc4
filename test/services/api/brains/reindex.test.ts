/** How a document is searched, and a brain that is embedded anew. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, type Harness, startHarness } from '../harness.ts';

const embedding = { EMBEDDING_MODEL: 'new', EMBEDDING_DIMENSIONS: 8 };
let harness: Harness;
let owner: Caller;
let brain: string;
beforeAll(async () => {
  harness = await startHarness({ ...embedding, EMBEDDING_URL: 'http://127.0.0.1:9/v1' });
  owner = await harness.owner();
  brain = (await owner('POST', '/v1/brains', { name: 'Handbook' })).body.id;
});
afterAll(() => harness.close());

test('a reindex is a job; while it is under way it is the answer, and the brain names both models', async () => {
  await harness.db.updateTable('brains').set({ embedding_model: 'old' }).where('id', '=', brain).execute();
  const { status, body, headers } = await owner('POST', `/v1/brains/${brain}/reindex`);
  expect([status, headers.location]).toEqual([202, `/v1/jobs/${body.id}`]);
  expect(body).toMatchObject({ kind: 'reindex', status: 'queued', document_id: null, progress: { stage: 'indexing' } });
  expect((await owner('POST', `/v1/brains/${brain}/reindex`)).body.id).toBe(body.id);
  expect((await owner('GET', `/v1/brains/${brain}`)).body.embedding).toEqual({
    model: 'old',
    dimensions: 8,
    next: { model: 'new', dimensions: 8 },
  });
  const canceled = await owner('POST', `/v1/jobs/${body.id}:cancel`);
  expect([canceled.status, canceled.body.detail]).toEqual([
    409,
    'A reindex cannot be canceled: until it is whole the brain is searched as before.',
  ]);
  expect((await owner('POST', `/v1/brains/${crypto.randomUUID()}/reindex`)).status).toBe(404);
});

test('a document says how it is searched, and who asks what texts are embedded with', async () => {
  const { id: tenant_id } = (await owner('GET', '/v1/tenant')).body;
  const id = crypto.randomUUID();
  await harness.db
    .insertInto('documents')
    .values({
      id,
      tenant_id,
      brain_id: brain,
      name: 'a.pdf',
      media_type: 'application/pdf',
      size_bytes: 1,
      sha256: Buffer.from(id),
      object_key: 'x',
    })
    .execute();
  const job = {
    id: crypto.randomUUID(),
    tenant_id,
    brain_id: brain,
    document_id: id,
    kind: 'ingest',
    status: 'running',
  };
  await harness.db.insertInto('jobs').values(job).execute();
  const search = async () => (await owner('GET', `/v1/documents/${id}`)).body.search;
  expect(await search()).toBeNull();
  await harness.db
    .updateTable('jobs')
    .set({ status: 'succeeded', finished_at: new Date() })
    .where('id', '=', job.id)
    .execute();
  expect(await search()).toBe('text');
  const change = (set: object) => harness.db.updateTable('documents').set(set).where('id', '=', id).execute();
  await change({ vectors_pending: true });
  expect(await search()).toBe('improving');
  await change({ vectors_pending: false, vectors_model: 'new', vectors_dimensions: 8 });
  expect(await search()).toBe('full');
  expect((await owner('GET', '/v1/me')).body.embedding_model).toBe('new');
});

test('without an embedding there is nothing to embed with, and it is said', async () => {
  const without = await startHarness({ ...embedding, EMBEDDING_URL: '' });
  try {
    const caller = await without.owner();
    const { id } = (await caller('POST', '/v1/brains', { name: 'Words' })).body;
    const { status, body } = await caller('POST', `/v1/brains/${id}/reindex`);
    expect([status, body.detail]).toEqual([
      409,
      'No embedding is configured, so there is nothing to embed with: set EMBEDDING_URL, or place the embedding tier.',
    ]);
    expect((await caller('GET', '/v1/me')).body.embedding_model).toBeNull();
  } finally {
    await without.close();
  }
});
