/** What a search finds: by words of several languages, by what stands as typed, by headings, by vectors of several models. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, Index, makeArrowTable } from '@lancedb/lancedb';
import { Field, FixedSizeList, Float32, Int32, Schema, Utf8 } from 'apache-arrow';
import { type ChunkInput, type Hit, vectorstorePaths } from '../../../services/shared/contract/vectorstore.ts';
import { openBrainTables } from '../../../services/vectorstore/tables/brain-tables.ts';
import { startServices, type TestServices } from '../../support/stores.ts';
import { search, startVectorstore, storedRows, type TestBrain, type TestVectorstore, upsertPath } from './fixture.ts';

let services: TestServices;
let store: TestVectorstore;
beforeAll(async () => {
  services = await startServices();
  store = await startVectorstore(services, { debounceMs: 10, retentionMs: 60_000 });
});
afterAll(async () => {
  await store.close();
  await services.close();
});

type Given = Omit<ChunkInput, 'id' | 'page_number' | 'start' | 'end'>;
const write = (brain: TestBrain, chunks: readonly Given[], more: object = {}) =>
  store.post(upsertPath(brain), brain, {
    epoch: 0,
    ...more,
    chunks: chunks.map((chunk, index) => ({
      ...chunk,
      id: `${brain.documentId}:${index + 1}:0`,
      page_number: index + 1,
      start: 0,
      end: chunk.text.length,
    })),
  });
const find = async (brain: TestBrain, query: string, more: object = {}): Promise<Hit[]> => {
  const answer = await search(store, brain, query, { vector: undefined, ...more });
  expect(answer.body).toHaveProperty('hits');
  return answer.body.hits;
};
const best = async (...given: Parameters<typeof find>) => (await find(...given))[0]?.text;
const bytes = (...vectors: number[][]) => Buffer.from(Int8Array.from(vectors.flat())).toString('base64');

test.each([
  ['running a marathon', 'He runs marathons every spring.'],
  ['年次有給休暇は何日ですか', '従業員には年次有給休暇が二十日与えられます。'],
  ['北京的人口是多少', '北京市的人口约为两千二百万。'],
  ['출장비는 언제 지급되나요', '출장비는 영수증을 제출한 뒤 열흘 안에 지급한다.'],
  ['วันหยุดพักผ่อนประจำปี', 'พนักงานมีวันหยุดพักผ่อนประจำปีสิบวัน'],
  ['Сколько стоит доставка', 'Доставка стоит пять евро.'],
  ['read.csv2', 'Use read.csv2 where a comma is the decimal point.'],
  ['e1042', 'Error E1042 means that the pump is dry.'],
  ['AB-12/7', 'Order part AB-12/7 for the second pump.'],
  ['what is is.na', 'is.na tells which values are missing.'],
])('without any vector %j is found', async (query, text) => {
  const brain = await store.newBrain();
  const others = [
    'Part 12 of AB was ordered 7 times; read the CSV of 2 pumps, or 1042 errors.',
    'A spring is a source of water. The value of the comma is to be read.',
    '会社の住所は東京です。',
    '上海是一座城市。',
    '영수증은 총무팀에 있다. 휴가는 언제든 쓴다.',
    'ร้านเปิดทุกวัน',
    'Погода сегодня хорошая.',
  ];
  expect(
    (
      await write(
        brain,
        [...others, text].map((of) => ({ text: of })),
      )
    ).body,
  ).toEqual({ chunks: 8 });
  expect(await best(brain, query)).toBe(text);
});

test('a heading counts beside the text, and comes back with it', async () => {
  const brain = await store.newBrain();
  const chunks = [
    { text: 'It is called with a warranty card, whatever warranty was agreed.', heading: 'Handbook > Calls' },
    { text: 'Two years from the day of purchase.', heading: 'Handbook > Warranty' },
  ];
  await write(brain, chunks);
  expect((await find(brain, 'How long is the warranty from purchase?'))[0]).toMatchObject(chunks[1] as object);
});

test('a section that a word of the question names comes before those that only speak of it', async () => {
  const brain = await store.newBrain();
  const chunks = [
    {
      text: 'strsplit. Split what is split by what splits: split is an argument.',
      heading: 'Manual > strsplit Split Text',
    },
    { text: 'Divides into groups.', heading: 'Manual > base package | split Divide into Groups | Usage' },
    { text: 'Split the bill with others who split it.', heading: 'Manual > Split bills' },
  ];
  await write(brain, chunks);
  for (const query of ['What does split do?', 'What does `split()` do?'])
    expect((await find(brain, query)).map(({ text }) => text)[0]).toBe('Divides into groups.');
  // One word of many is a hint, not the answer.
  expect(await best(brain, 'With whom may I split the bill that others split already in town?')).toBe(chunks[2]?.text);
});

test('the nearest sentence decides between rows that words do not tell apart', async () => {
  const brain = await store.newBrain();
  const dimensions = 4;
  const chunks = [
    { text: 'Pumps one.', vector: [1, 0, 0, 0], sentence_vectors: bytes([127, 0, 0, 0], [0, 127, 0, 0]) },
    { text: 'Pumps two.', vector: [0.6, 0.8, 0, 0], sentence_vectors: bytes([90, 90, 0, 0]) },
    { text: 'Another matter.', vector: [0, 0, 1, 0] },
  ];
  await write(brain, chunks, { dimensions });
  const hits = await find(brain, 'pumps', { vector: [0, 2, 0, 0] });
  expect(hits.map(({ text }) => text)).toEqual(['Pumps two.', 'Pumps one.', 'Another matter.']);
  expect(hits.map(({ similarity }) => Math.round((similarity ?? 9) * 100))).toEqual([71, 100, 0]);
  expect(hits[1]?.text_score).toBeGreaterThan(0);
  // What words do not find, vectors do.
  expect((await find(brain, 'zzz', { vector: [0, 0, 1, 0] }))[0]).toMatchObject({
    text: 'Another matter.',
    text_score: 0,
  });
});

test('vectors come later, and those of one model are never compared with those of another', async () => {
  const brain = await store.newBrain();
  await write(brain, [{ text: 'Pumps one.' }, { text: 'Pumps two.' }]);
  const id = (page: number) => `${brain.documentId}:${page}:0`;
  const add = (model: string, vectors: readonly object[], epoch = 0) =>
    store.post(vectorstorePaths.vectors(brain.brainId, brain.documentId), brain, {
      epoch,
      model,
      dimensions: 2,
      vectors,
    });
  const one = [
    { id: id(1), vector: [1, 0] },
    { id: id(2), vector: [0, 1], sentence_vectors: bytes([0, 127], [127, 0]) },
  ];
  expect((await add('small', one)).body).toEqual({ chunks: 2 });
  expect(
    (
      await add('large', [
        { id: id(1), vector: [0, 1] },
        { id: id(9), vector: [0, 1] },
      ])
    ).body,
  ).toEqual({ chunks: 1 });
  const nearest = async (model: string, vector: number[]) =>
    (await find(brain, 'pumps', { model, vector })).map(({ text, similarity }) => [text, similarity]);
  expect(await nearest('small', [0, 1])).toEqual([
    ['Pumps two.', 1],
    ['Pumps one.', 0],
  ]);
  // The second has no vector of this model yet, and is found by its words all the same.
  expect(Object.fromEntries(await nearest('large', [0, 1]))).toEqual({ 'Pumps one.': 1, 'Pumps two.': null });
  expect((await nearest('unknown', [0, 1])).map(([, similarity]) => similarity)).toEqual([null, null]);
  // A chunk that is written anew has other text: what was known of the old one is gone.
  await write(brain, [{ text: 'Pumps three.' }]);
  expect((await nearest('small', [0, 1])).map(([, similarity]) => similarity)).toEqual([1, null]);
});

test.each([
  [{ dimensions: 2 }, { vector: [1] }, "'dimensions' is 2, a vector has 1 numbers."],
  [{}, { vector: [1, 0] }, "'dimensions' is absent, a vector has 2 numbers."],
  [
    { dimensions: 2 },
    { vector: [1, 0], sentence_vectors: bytes([1, 2, 3]) },
    "'sentence_vectors' has 3 bytes: it must be whole vectors of 2 beside a 'vector'.",
  ],
  [
    { dimensions: 2 },
    { vector: [1, 0], sentence_vectors: Buffer.alloc(130).toString('base64') },
    "'sentence_vectors' holds 65 vectors, allowed are 64.",
  ],
])('vectors that fit nothing are refused: case %#', async (more, values, detail) => {
  const answer = await write(await store.newBrain(), [{ text: 'text', ...values }], more);
  expect([answer.status, answer.body.detail]).toEqual([400, detail]);
});

test('a table of a build before headings is searched as it is, and brought up to date by the next write', async () => {
  const brain = await store.newBrain();
  await oldTable(services, brain, ['Employees run marathons.', '北京市的人口约为两千二百万。']);
  expect(await best(brain, 'marathons')).toBe('Employees run marathons.');
  expect(await best(brain, '北京的人口', { vector: [1, 0] })).toBe('北京市的人口约为两千二百万。');
  const next = { ...brain, documentId: await store.newDocument(brain) };
  expect((await write(next, [{ text: 'A second document about pumps.', heading: 'Pumps' }])).body).toEqual({
    chunks: 1,
  });
  expect((await find(brain, 'pumps')).map(({ text }) => text)).toContain('A second document about pumps.');
  // Stems are known once the table was tidied.
  while ((await best(brain, 'running')) !== 'Employees run marathons.');
  expect(await best(brain, '北京的人口')).toBe('北京市的人口约为两千二百万。');
  expect((await find(brain, 'marathons', { vector: [1, 0] }))[0]?.similarity).toBe(1);
  expect(await storedRows(services, brain)).toHaveLength(2);
});

test('a search finds what is there while files are merged under it', async () => {
  const brain = await store.newBrain();
  await write(brain, [{ text: 'The pump is blue.' }, { text: 'The valve is red.' }]);
  let writing = true;
  const writes = (async () => {
    for (let round = 0; round < rewrites; round += 1) {
      const next = { ...brain, documentId: await store.newDocument(brain) };
      await write(next, [{ text: `Note ${round} is about nothing.` }]);
      // Moves the rows that are looked for to another file, as merging does.
      await write(brain, [{ text: 'The pump is blue.' }, { text: 'The valve is red.' }]);
    }
    writing = false;
  })();
  let searches = 0;
  for (; writing; searches += 1) expect(await best(brain, 'pump')).toBe('The pump is blue.');
  await writes;
  expect(searches).toBeGreaterThan(rewrites);
});
const rewrites = 60;

/** As the build before headings and epochs made it. */
async function oldTable({ documentStoreUrl }: TestServices, brain: TestBrain, texts: readonly string[]) {
  const folder = fileURLToPath(documentStoreUrl);
  const connection = await connect(`${folder}/tenants/${brain.tenantId}/brains/${brain.brainId}/`);
  const text = (name: string) => new Field(name, new Utf8(), false);
  const number = (name: string) => new Field(name, new Int32(), false);
  const vector = new Field('vector', new FixedSizeList(2, new Field('item', new Float32(), true)), false);
  const schema = new Schema([
    text('id'),
    text('document_id'),
    number('page_number'),
    number('start'),
    number('end'),
    text('text'),
    vector,
  ]);
  const table = await connection.createEmptyTable('chunks', schema);
  const bigrams = { baseTokenizer: 'ngram', ngramMinLength: 2, ngramMaxLength: 2, stem: false } as const;
  await table.createIndex('text', { config: Index.fts({ ...bigrams, removeStopWords: false, withPosition: false }) });
  for (const column of ['id', 'document_id']) await table.createIndex(column, { config: Index.btree() });
  const rows = texts.map((of, index) => ({
    id: `${brain.documentId}:${index + 1}:0`,
    document_id: brain.documentId,
    page_number: index + 1,
    start: 0,
    end: of.length,
    text: of,
    vector: [1, 0],
  }));
  await table.add(makeArrowTable(rows, { schema }));
  connection.close();
}

test('searches at once open one snapshot of a version together, and the next version anew', async () => {
  const brain = await store.newBrain();
  const tables = openBrainTables(services.documentStoreUrl, 16);
  const opened = () => Promise.all(Array.from({ length: 8 }, () => tables.search(brain, async (snapshot) => snapshot)));
  await write(brain, [{ text: 'First.' }]);
  const first = new Set(await opened());
  expect(first.size).toBe(1);
  await write(brain, [{ text: 'First.' }, { text: 'Second.' }]);
  const [second, ...more] = new Set(await opened());
  expect(more).toEqual([]);
  expect(first.has(second as never)).toBe(false);
  expect(await second?.table.countRows()).toBe(2);
  tables.close();
});
