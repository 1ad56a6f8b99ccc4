/** Whatever is sent to the vectorstore: never a 5xx, a hang or a broken table, and what is valid comes back as it went in. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { vectorstorePaths } from '../../../services/shared/contract/vectorstore.ts';
import { startServices, type TestServices } from '../../support/stores.ts';
import { dimensions, startVectorstore, type TestBrain, type TestVectorstore, tokenFor } from './fixture.ts';

const seed = Number(process.env.FUZZ_SEED ?? 1);
const runs = Number(process.env.FUZZ_RUNS ?? 150);

let services: TestServices;
let store: TestVectorstore;
let brain: TestBrain;
beforeAll(async () => {
  console.info(`vectorstore fuzz: FUZZ_SEED=${seed} FUZZ_RUNS=${runs}`);
  services = await startServices();
  store = await startVectorstore(services);
  brain = await store.newBrain();
});
afterAll(async () => {
  await store.close();
  await services.close();
});

const { brainId, documentId } = { brainId: () => brain.brainId, documentId: () => brain.documentId };
const paths = [
  () => vectorstorePaths.search(brainId()),
  () => vectorstorePaths.upsert(brainId(), documentId()),
  () => vectorstorePaths.vectors(brainId(), documentId()),
  () => vectorstorePaths.deleteDocument(brainId(), documentId()),
  () => vectorstorePaths.documents(brainId()),
  () => vectorstorePaths.read(brainId(), documentId()),
  () => vectorstorePaths.purge(brainId()),
];

/** Numbers at the edges of what a column, a vector or an index takes. */
const number = fc.oneof(
  fc.constantFrom(0, -1, 1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e308, Number.MAX_SAFE_INTEGER),
  fc.double(),
  fc.integer(),
);
/** Text that means something to SQL, to the full-text index or to JSON. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.constantFrom("' OR 1=1 --", '"', '\\', '*', 'a AND (b', '\0', '\ud800', '{}', 'text:x', 'x'.repeat(20_000)),
);
/** Whole vectors, parts of them, none. */
const bytes = fc.uint8Array({ maxLength: 3 * dimensions }).map((given) => Buffer.from(given).toString('base64'));
const known = {
  model: fc.oneof(fc.constant('some-model'), text),
  vectors: fc.array(
    fc.record(
      {
        id: fc.nat(9).map((place) => `${documentId()}:1:${place}`),
        vector: fc.array(number, { minLength: dimensions, maxLength: dimensions }),
        sentence_vectors: bytes,
      },
      { requiredKeys: ['id', 'vector'] },
    ),
    { maxLength: 3 },
  ),
  epoch: fc.oneof(number, text),
  dimensions: fc.oneof(fc.constant(dimensions), number),
  query: text,
  limit: fc.oneof(fc.integer({ min: 1, max: 50 }), number),
  vector: fc.array(number, { maxLength: dimensions + 1 }),
  document_ids: fc.array(fc.oneof(text, fc.uuid()), { maxLength: 5 }),
  first_page: number,
  last_page: number,
  chunks: fc.array(
    fc.record(
      {
        id: fc.oneof(
          text,
          fc.nat(9).map((place) => `${documentId()}:1:${place}`),
        ),
        page_number: number,
        start: number,
        end: number,
        text,
        heading: text,
        vector: fc.array(number, { minLength: dimensions, maxLength: dimensions }),
        sentence_vectors: fc.oneof(text, bytes),
      },
      { requiredKeys: [] },
    ),
    { maxLength: 5 },
  ),
};
const body = fc.oneof(
  { weight: 4, arbitrary: fc.record(known, { requiredKeys: [] }) },
  { weight: 1, arbitrary: fc.jsonValue() },
);

const send = async (path: string, payload: string, headers: Record<string, string>) => {
  const authorization = `Bearer ${await tokenFor(path, brain)}`;
  return store.app.http.inject({
    method: 'POST',
    url: path,
    payload,
    headers: { authorization, 'content-type': 'application/json', ...headers },
  });
};

test('no body makes a fault of the tier', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(paths.length - 1), body, async (which, given) => {
      const path = (paths[which] as () => string)();
      const answer = await send(path, JSON.stringify(given), {});
      expect([200, 400, 409, 410]).toContain(answer.statusCode);
    }),
    { seed, numRuns: runs, endOnFailure: true },
  );
}, 300_000);

test('no bytes, header or path make a fault of the tier', async () => {
  const header = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    maxLength: 100,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.nat(paths.length - 1),
      fc.oneof(text, fc.json()),
      fc.record({ authorization: header, 'content-type': header, 'content-encoding': header }, { requiredKeys: [] }),
      fc.string({ unit: 'grapheme', maxLength: 30 }),
      async (which, payload, headers, piece) => {
        const path = (paths[which] as () => string)();
        expect((await send(path, payload, headers)).statusCode).toBeLessThan(500);
        const strange = path.replace(documentId(), encodeURIComponent(piece));
        expect((await send(strange, '{}', {})).statusCode).toBeLessThan(500);
      },
    ),
    { seed, numRuns: runs, endOnFailure: true },
  );
}, 300_000);

test('what is valid comes back as it went in, and is gone when it is deleted', async () => {
  const page = fc.record({
    page_number: fc.integer({ min: 1, max: 5000 }),
    text: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }),
  });
  let epoch = Date.now();
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(page, { minLength: 1, maxLength: 8, selector: ({ page_number }) => page_number }),
      fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1, max: 1 }), {
        minLength: dimensions,
        maxLength: dimensions,
      }),
      async (pages, vector) => {
        const documentId = await store.newDocument(brain);
        const document = { ...brain, documentId };
        const chunks = pages.map(({ page_number, text }) => ({
          id: `${documentId}:${page_number}:0`,
          page_number,
          start: 0,
          end: text.length,
          text,
          vector,
        }));
        epoch += 1;
        const upsert = vectorstorePaths.upsert(brain.brainId, documentId);
        expect((await store.post(upsert, document, { epoch, dimensions, chunks })).status).toBe(200);
        const read = () =>
          store.post(vectorstorePaths.read(brain.brainId, documentId), document, { first_page: 1, last_page: 5000 });
        const byPage = (a: { page_number: number }, b: { page_number: number }) => a.page_number - b.page_number;
        const sent = chunks.map(({ vector: _, ...chunk }) => ({ ...chunk, heading: '', has_vector: false }));
        expect((await read()).body.chunks.toSorted(byPage)).toEqual(sent.toSorted(byPage));
        epoch += 1;
        expect(
          (await store.post(vectorstorePaths.deleteDocument(brain.brainId, documentId), document, { epoch })).status,
        ).toBe(200);
        expect((await read()).body.chunks).toEqual([]);
      },
    ),
    { seed, numRuns: Math.ceil(runs / 10), endOnFailure: true },
  );
}, 300_000);
