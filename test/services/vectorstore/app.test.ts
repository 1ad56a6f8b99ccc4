import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newPrivateKey } from '../../../local/stores/key-pair.ts';
import { createSigner } from '../../../services/shared/auth/service-token.ts';
import { type Hit, vectorstorePaths } from '../../../services/shared/contract/vectorstore.ts';
import { stubVector } from '../../support/embedding/stub-vectors.ts';
import { allPublicKeys, signerOf } from '../../support/service-keys.ts';
import { startServices, type TestServices } from '../../support/stores.ts';
import {
  chunksOf,
  dimensions,
  remove,
  search,
  startVectorstore,
  type TestVectorstore,
  tokenFor,
  upsert,
  upsertPath,
} from './fixture.ts';

let services: TestServices;
let store: TestVectorstore;
beforeAll(async () => {
  services = await startServices();
  store = await startVectorstore(services);
});
afterAll(async () => {
  await store.close();
  await services.close();
});

const pages = [
  'Employees earn twenty five days of annual leave per calendar year.',
  '연차휴가는 입사일을 기준으로 계산하며, 회사는 이를 매년 통지한다.',
  'Invoices are due within thirty days; late payment costs eight percent.',
  '출장비는 영수증을 제출한 뒤 열흘 안에 지급한다.',
];
const texts = (answer: { body: { hits: Hit[] } }) => answer.body.hits.map(({ text }) => text);

test('what was upserted is found at once, in Korean and English, by words and by vectors', async () => {
  const brain = await store.newBrain();
  expect((await upsert(store, brain, pages)).body).toEqual({ chunks: 4 });
  expect(texts(await search(store, brain, 'How many days of annual leave?'))[0]).toBe(pages[0]);
  expect(texts(await search(store, brain, '연차휴가 계산 기준이 뭐야?'))[0]).toBe(pages[1]);
  expect(texts(await search(store, brain, '출장비 언제 줘?', { vector: undefined }))[0]).toBe(pages[3]);
  const [hit] = (await search(store, brain, 'late payment')).body.hits;
  expect(hit).toMatchObject({ document_id: brain.documentId, page_number: 3, start: 0, end: pages[2]?.length });
  expect(hit.similarity).toBeGreaterThan(0.1);
  expect(hit).not.toHaveProperty('vector');
});

test('upserting again replaces, and does not add', async () => {
  const brain = await store.newBrain();
  await upsert(store, brain, pages);
  await upsert(store, brain, [...pages.slice(0, 3), 'The fourth page was rewritten.']);
  expect(texts(await search(store, brain, 'annual leave days', { limit: 50 }))).toHaveLength(4);
  expect(texts(await search(store, brain, '출장비'))).not.toContain(pages[3]);
});

test('a search within documents finds no others', async () => {
  const brain = await store.newBrain();
  const other = { ...brain, documentId: await store.newDocument(brain) };
  await upsert(store, brain, pages);
  await upsert(store, other, ['Annual leave of contractors is not paid.']);
  const found = await search(store, brain, 'annual leave', { document_ids: [other.documentId] });
  expect(texts(found)).toEqual(['Annual leave of contractors is not paid.']);
});

test.each([
  '"unbalanced AND (',
  '+a -b ~c *:* text:[1 TO 2] ^2 \\',
  "'; DROP TABLE chunks; --",
  '?!… ',
  '\u0000\uD800 한',
  'a',
  '휴가 '.repeat(3333),
  'x'.repeat(10_000),
])('a hostile query %j is only text', async (query) => {
  const brain = await store.newBrain();
  await upsert(store, brain, pages);
  const answer = await search(store, brain, query);
  expect(answer.status).toBe(200);
  for (const { similarity } of answer.body.hits)
    expect(similarity === null || Math.abs(similarity) <= 1.0001).toBe(true);
});

test('a brain without a table, and one whose chunks are all deleted, has no hits', async () => {
  const brain = await store.newBrain();
  expect((await search(store, brain, 'anything')).body).toEqual({ hits: [] });
  await upsert(store, brain, pages);
  expect((await remove(store, brain)).status).toBe(200);
  expect((await remove(store, brain)).status).toBe(200);
  expect((await search(store, brain, 'annual leave')).body).toEqual({ hits: [] });
});

test('a deleted brain stays deleted: no hits, and a late upsert is refused', async () => {
  const brain = await store.newBrain();
  await upsert(store, brain, pages);
  await store.db.updateTable('brains').set({ deleted_at: new Date() }).where('id', '=', brain.brainId).execute();
  for (const _ of [1, 2])
    expect((await store.post(vectorstorePaths.deleteBrain(brain.brainId), brain)).status).toBe(200);
  expect((await search(store, brain, 'annual leave')).body).toEqual({ hits: [] });
  const late = await upsert(store, brain, pages);
  expect(late.status).toBe(410);
  expect(late.body.detail).toBe(`Document ${brain.documentId} is not, or no longer, in brain ${brain.brainId}.`);
});

test('vectors of another length are refused with both lengths', async () => {
  const brain = await store.newBrain();
  await upsert(store, brain, pages);
  const shorter = [{ ...chunksOf(brain.documentId, ['text'])[0], vector: [1, 0] }];
  const detail = `The brain's vectors have ${dimensions} numbers, given are 2: embed with the model the brain was made with.`;
  const answers = [
    await store.post(upsertPath(brain), brain, { epoch: 0, dimensions: 2, chunks: shorter }),
    await search(store, brain, 'text', { vector: [1, 0] }),
  ];
  expect(answers.map(({ status, body }) => [status, body.detail])).toEqual([
    [400, detail],
    [400, detail],
  ]);
  expect((await store.post(upsertPath(brain), brain, { epoch: 0, dimensions: 3, chunks: shorter })).body.detail).toBe(
    "'dimensions' is 3, a vector has 2 numbers.",
  );
});

test('a chunk of another document is refused', async () => {
  const brain = await store.newBrain();
  const chunks = chunksOf('0199c0de-0000-7000-8000-000000000000', ['text']);
  expect((await store.post(upsertPath(brain), brain, { epoch: 0, dimensions, chunks })).body.detail).toBe(
    `The chunk id '0199c0de-0000-7000-8000-000000000000:1:0' must start with '${brain.documentId}:', its document.`,
  );
});

test('a call needs a token of a declared caller, for this brain and this tenant', async () => {
  const [brain, other] = [await store.newBrain(), await store.newBrain()];
  await upsert(store, brain, pages);
  const call = async (token: string | null) => {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const url = vectorstorePaths.search(brain.brainId);
    const payload = { query: 'leave', vector: stubVector('leave', dimensions), limit: 5 };
    return (await store.app.http.inject({ method: 'POST', url, headers, payload })).json();
  };
  const claims = { to: 'vectorstore', verb: 'search', tenantId: brain.tenantId, brainId: brain.brainId } as const;
  const chat = await signerOf('chat');
  const sign = (changes: Partial<Parameters<typeof chat>[0]>) => chat({ ...claims, ...changes });
  expect((await call(null)).detail).toBe('An internal call needs a service token.');
  const stranger = await createSigner('chat', newPrivateKey());
  expect((await call(await stranger(claims))).code).toBe('unauthorized');
  expect((await call(await sign({ to: 'api' }))).code).toBe('unauthorized');
  const web = await createSigner('web', newPrivateKey());
  expect((await call(await web(claims))).detail).toBe("'web' is no caller that is known here.");
  expect((await call(await sign({ brainId: other.brainId }))).detail).toBe(
    `The token is for brain ${other.brainId}, the path names ${brain.brainId}.`,
  );
  expect((await call(await sign({ tenantId: other.tenantId }))).hits).toEqual([]);
  expect((await call(await sign({}))).hits).not.toEqual([]);
});

test('chat may search and do nothing else, the document-worker writes and deletes and does not search', async () => {
  const brain = await store.newBrain();
  const paths = {
    search: vectorstorePaths.search(brain.brainId),
    write: upsertPath(brain),
    delete: vectorstorePaths.deleteBrain(brain.brainId),
  };
  const bodies = {
    search: { query: 'leave', vector: stubVector('leave', dimensions), limit: 5 },
    write: { epoch: 0, dimensions, chunks: chunksOf(brain.documentId, pages) },
    delete: {},
  };
  const verbs = ['search', 'write', 'delete'] as const;
  const ask = async (from: 'chat' | 'document-worker', verb: (typeof verbs)[number], signed = verb) => {
    const token = await (await signerOf(from))({ to: 'vectorstore', verb: signed, ...brain });
    const headers = { authorization: `Bearer ${token}` };
    return store.app.http.inject({ method: 'POST', url: paths[verb], headers, payload: bodies[verb] });
  };
  const statuses = async (from: 'chat' | 'document-worker') =>
    Object.fromEntries(
      await Promise.all(verbs.map(async (verb) => [verb, (await ask(from, verb)).statusCode] as const)),
    );
  expect(await statuses('chat')).toEqual({ search: 200, write: 403, delete: 403 });
  expect(await statuses('document-worker')).toEqual({ search: 403, write: 200, delete: 200 });
  expect((await ask('chat', 'delete')).json().detail).toBe("'chat' is not declared to delete in 'vectorstore'.");
  // One token, one kind of call.
  expect((await ask('document-worker', 'delete', 'write')).json().detail).toBe(
    'The service token is to write, the call is to delete.',
  );
});

test('deleted text has left the store after the retention', async () => {
  const quick = await startVectorstore(services, { debounceMs: 20, retentionMs: 100 });
  try {
    const brain = await quick.newBrain();
    const secretDocument = { ...brain, documentId: await quick.newDocument(brain) };
    await upsert(
      quick,
      brain,
      Array.from({ length: 200 }, (_, index) => `Ordinary page number ${index}.`),
    );
    await upsert(quick, secretDocument, ['The launch code is tangerine-4711.']);
    expect(await filesWith(services.folder, 'tangerine-4711')).toBeGreaterThan(0);
    await remove(quick, secretDocument);
    while ((await filesWith(services.folder, 'tangerine-4711')) > 0) await sleep(100);
    expect(texts(await search(quick, brain, 'Ordinary page number 7'))).toContain('Ordinary page number 7.');
  } finally {
    await quick.close();
  }
});

test('a writer that cannot get the lock is told to come back', async () => {
  const brain = await store.newBrain();
  const client = await store.pool.connect();
  try {
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [`vectors:${brain.brainId}`]);
    const answer = await upsert(store, brain, pages);
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('2');
    expect(answer.body.detail).toBe(`Another writer is at work on brain ${brain.brainId}. Try again soon.`);
  } finally {
    await client.query('select pg_advisory_unlock_all()');
    client.release();
  }
  expect((await upsert(store, brain, pages)).status).toBe(200);
});

test('16 concurrent upserts through two processes lose nothing', async () => {
  const brain = await store.newBrain();
  const replicas = await Promise.all([startProcess(), startProcess()]);
  try {
    const documents = await Promise.all(Array.from({ length: 16 }, () => store.newDocument(brain)));
    await Promise.all(
      documents.map(async (documentId, index) => {
        const token = await tokenFor(upsertPath(brain), brain);
        const send = () =>
          fetch(`${replicas[index % 2]?.url}${vectorstorePaths.upsert(brain.brainId, documentId)}`, {
            method: 'POST',
            headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
            body: JSON.stringify({
              epoch: 0,
              dimensions,
              chunks: chunksOf(documentId, [`Report of department ${index}.`, 'b']),
            }),
          });
        let answer = await send();
        // Who waits longer than the lock allows is told to come back, and comes back: a busy machine is no fault.
        for (let attempt = 1; answer.status === 503 && attempt < 20; attempt++) answer = await send();
        expect([answer.status, await answer.text()]).toEqual([200, '{"chunks":2}']);
      }),
    );
    const found = await search(store, brain, 'Report of department', { limit: 50 });
    expect(new Set(found.body.hits.map(({ document_id }: Hit) => document_id))).toEqual(new Set(documents));
  } finally {
    await Promise.all(replicas.map(({ stop }) => stop()));
  }
});

/** A replica as it runs in production, with its own LanceDB. */
async function startProcess() {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const child = spawn(process.execPath, ['services/vectorstore/main.ts'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      LOG_LEVEL: 'silent',
      DATABASE_URL: services.databaseUrlOf('vectorstore'),
      DOCUMENT_STORE_URL: services.documentStoreUrl,
      SERVICE_TOKEN_PUBLIC_KEYS: allPublicKeys,
    },
  });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/readyz`).catch(() => null))?.ok) await sleep(50);
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM');
      expect(await exit).toBe(0);
    },
  };
}

async function filesWith(folder: string, text: string): Promise<number> {
  const child = spawn('grep', ['-rl', text, folder], { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  for await (const chunk of child.stdout) output += chunk;
  return output.split('\n').filter(Boolean).length;
}
