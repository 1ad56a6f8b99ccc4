/** Uploads whose transaction's answer is lost, and documents whose file is. */
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { lostFile } from '../../../../services/shared/jobs/lost-file.ts';
import { proxyOf, type StoreProxy } from '../../../support/proxy.ts';
import { type Caller, type Harness, startHarness, upload } from '../harness.ts';

let proxy: StoreProxy;
let harness: Harness;
let owner: Caller;
let brain: string;
beforeAll(async () => {
  harness = await startHarness(async ({ databaseUrl }) => {
    proxy = await proxyOf(databaseUrl, 'postgres');
    return { DATABASE_URL: proxy.through(databaseUrl) };
  });
  owner = await harness.owner();
});
beforeEach(async () => {
  brain = (await owner('POST', '/v1/brains', { name: 'Reports' })).body.id;
});
afterAll(async () => {
  await harness.close();
  await proxy.close();
});

function send(content: string, key?: string) {
  const { body, headers } = upload(content, 'a.txt');
  return owner('POST', `/v1/brains/${brain}/documents`, body, { ...headers, ...(key && { 'idempotency-key': key }) });
}
const file = (documentId: string) => owner('GET', `/v1/documents/${documentId}/file`);
const rows = (sql: string, values: unknown[]) =>
  harness.services.query(sql, values) as Promise<Record<string, string>[]>;
const documents = () => rows('select id from documents where brain_id = $1', [brain]);

/** The file of a document goes, as by a fault of the store or of a person. */
async function lose(documentId: string): Promise<void> {
  const [row] = await rows('select object_key from documents where id = $1', [documentId]);
  await rm(`${fileURLToPath(harness.services.documentStoreUrl)}/${row?.object_key}`);
}

/** The transaction that makes document and job; the claim of its key comes before. */
async function cutAcceptance(claimed: boolean, how?: { before: boolean }): Promise<void> {
  if (claimed) await proxy.cutAnswer(/^commit$/i, { before: false });
  return proxy.cutAnswer(/^commit$/i, how);
}

test('an upload whose COMMIT was not answered is accepted, once, and its file is there', async () => {
  const cut = cutAcceptance(false);
  const answer = await send('the answer is lost');
  await cut;
  expect([answer.status, answer.body.kind]).toEqual([202, 'ingest']);
  expect(await documents()).toHaveLength(1);
  const stored = await file(answer.body.document_id);
  expect([stored.status, String(stored.body)]).toEqual([200, 'the answer is lost']);
});

test('with an Idempotency-Key, too: neither its claim nor its end is lost, and the key says the same again', async () => {
  const cut = cutAcceptance(true);
  const answer = await send('with a key', 'key-1');
  await cut;
  expect(answer.status).toBe(202);
  const again = await send('with a key', 'key-1');
  expect([again.status, again.body.id, again.headers['idempotency-replayed']]).toEqual([202, answer.body.id, 'true']);
  expect(await documents()).toHaveLength(1);
});

test('an upload whose COMMIT did not arrive is a 503 that leaves nothing, and can be sent again', async () => {
  const cut = cutAcceptance(false, { before: true });
  const refused = await send('lost on its way', 'key-2').then(async (first) => {
    // The claim's COMMIT was the one that got lost: nothing was claimed either.
    expect([first.status, first.body.code, first.headers['retry-after']]).toEqual([503, 'store-unavailable', '5']);
    return first;
  });
  await cut;
  expect(refused.status).toBe(503);
  expect(await documents()).toEqual([]);
  expect((await send('lost on its way', 'key-2')).status).toBe(202);
});

test('while nobody knows what became of it the file stays, and the same key finds out later', async () => {
  const unknown = proxy.cutAnswer(/^commit$/i).then(() => proxy.blackHole());
  const answer = await send('nobody knows');
  await unknown;
  expect([answer.status, answer.body.code]).toEqual([503, 'store-unavailable']);
  proxy.heal();
  const [document] = await documents();
  expect(String((await file(document?.id as string)).body)).toBe('nobody knows');
  expect((await send('nobody knows')).body).toMatchObject({ deduplicated: true, document: { id: document?.id } });
});

test('a document whose file is missing says so, and the same bytes bring it back and its job on', async () => {
  const made = await send('will be missing');
  const documentId = made.body.document_id;
  await harness.services.query(`update jobs set status = 'failed', finished_at = now() where id = $1`, [made.body.id]);
  await lose(documentId);
  const gone = await file(documentId);
  expect([gone.status, gone.body.code]).toEqual([410, 'gone']);

  const again = await send('will be missing');
  expect([again.status, again.body.deduplicated, again.body.document.job.status]).toEqual([200, true, 'queued']);
  expect(String((await file(documentId)).body)).toBe('will be missing');
});

test.each([undefined, 'key-limit'])(
  'a job that a limit of the day refused meanwhile goes on with the next upload (key: %s)',
  async (key) => {
    const content = `missing at the end of the day, ${key}`;
    const made = await send(content, key);
    await rows(`update jobs set status = 'failed', finished_at = now(), pages_total = 3, error = $2 where id = $1`, [
      made.body.id,
      JSON.stringify(lostFile().toProblem()),
    ]);
    await lose(made.body.document_id);
    const job = async () => (await owner('GET', `/v1/jobs/${made.body.id}`)).body.status;
    // Room for one more document, and not for the three pages of this one.
    await rows('update tenants set pages_per_day_max = 1', []);
    const refused = await send(content, key);
    await rows('update tenants set pages_per_day_max = null', []);
    expect([refused.status, refused.body.code, await job()]).toEqual([429, 'quota', 'failed']);
    expect(await send(content, key)).toMatchObject({ status: key ? 202 : 200 });
    expect(await job()).toBe('queued');
  },
);

test('so does a repeat with the same key; other bytes are refused and not stored', async () => {
  const made = await send('repeated', 'key-3');
  await lose(made.body.document_id);
  expect((await send('other bytes', 'key-3')).body.code).toBe('key-reused');
  expect((await file(made.body.document_id)).status).toBe(410);
  expect((await send('repeated', 'key-3')).status).toBe(202);
  expect(String((await file(made.body.document_id)).body)).toBe('repeated');
});

test('keys, brains and sign-in survive a COMMIT that was not answered', async () => {
  const cutKey = proxy.cutAnswer(/^commit$/i);
  const key = await owner('POST', '/v1/keys', { name: 'k', scopes: ['documents:read'] });
  await cutKey;
  expect([key.status, typeof key.body.secret]).toEqual([201, 'string']);
  const cutBrain = proxy.cutAnswer(/^commit$/i);
  const made = await owner('POST', '/v1/brains', { name: 'Once' });
  await cutBrain;
  expect(made.status).toBe(201);
  expect(await rows(`select id from brains where name = 'Once'`, [])).toEqual([{ id: made.body.id }]);

  const added = await owner('POST', '/v1/members', { email: 'cut@example.com', name: 'Cut', role: 'viewer' });
  const cutSignIn = proxy.cutAnswer(/^commit$/i);
  const signedIn = await harness.nobody('POST', '/v1/auth/link:redeem', { token: added.body.sign_in_token });
  await cutSignIn;
  expect(signedIn.status).toBe(200);
});
