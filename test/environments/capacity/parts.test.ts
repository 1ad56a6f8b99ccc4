/** Each row of the sheet by hand, with round constants. */
import { expect, test } from '@jest/globals';
import {
  type Carried,
  type Constants,
  capacityOf,
  defaultHabits,
  fullest,
} from '../../../environments/capacity/model.ts';
import { searchSeconds } from '../../../environments/capacity/parts/stored.ts';
import { refusedShare } from '../../../environments/capacity/queueing.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { sample } from '../sample.ts';

const round = {
  parsedPagesPerSecondPerVcpu: 100,
  indexedPagesPerSecondPerVcpu: 300,
  committedPagesPerSecondPerVcpu: 500,
  embeddedChunksPerSecondPerVcpu: 30,
  embeddedQuestionsPerSecondPerVcpu: 200,
  workerVectorChunksPerSecondPerVcpu: 300,
  vectorstoreVectorChunksPerSecondPerVcpu: 500,
  tidySeconds: 0.11,
  chatTokensPerSecondPerVcpu: 1000,
  apiRequestsPerSecondPerVcpu: 1000,
  vectorstoreSearchesPerSecondPerVcpu: 100,
  largeSearchesPerSecondPerVcpu: 50,
  cacheKiBPerChunk: 0.5,
  resultKiBPerPage: 2,
  databaseKiBPerPage: 1,
  workerMiBIdle: 80,
  workerMiBPerSlot: 100,
  chatMiBIdle: 100,
  chatMiBPerSlot: 0.5,
  apiMiB: 200,
  webMiB: 90,
  vectorstoreMiB: 300,
  embeddingMiB: 560,
  chunksPerPage: 2,
  chunksPerGiBStored: 200_000,
  'startSeconds chat': 10,
  'startSeconds document-worker': 8,
};
const constants = Object.fromEntries(
  Object.entries(round).map(([name, value]) => [name, { value }]),
) as unknown as Constants;

const place = (vcpu: number, replicas: number | object, more = {}) => ({
  platform: 'ecs',
  vcpu,
  memoryMiB: 4096,
  replicas,
  ...more,
});
const of = (tiers: object, more = {}) =>
  capacityOf(
    resolveEnvironment(sample({ aws: { postgres: { instanceClass: 'db.t4g.medium' } }, tiers, ...more } as never)),
    'max',
    defaultHabits,
    constants,
  );
const whole = {
  api: place(1, 1),
  chat: place(1, 1, { slots: 40 }),
  'document-worker': place(1, 2, { parserChildren: 2 }),
  vectorstore: place(1, 1),
};
const limit = (given: ReturnType<typeof of>, bounds: keyof Carried, part: string) =>
  given.limits.find((each) => each.bounds === bounds && each.part === part)?.value;

test('pages: what the vectorstore commits may be less than what workers read', () => {
  const capacity = of({ ...whole, 'document-worker': place(1, 10, { parserChildren: 2 }) });
  // 10 x 75 pages/s are read, 500 are committed.
  expect(limit(capacity, 'pagesPerMinute', 'document-worker CPU')).toBeCloseTo(45_000, 6);
  expect(capacity.carried.pagesPerMinute).toBe(30_000);
  expect(fullest(capacity, { pagesPerMinute: 15_000 })[0]).toMatchObject({ part: 'vectorstore CPU', share: 0.5 });
});

test("a parser's account: its meter gives 99.5 % of the pages, or of what its requests hold; a huge document waits for it", () => {
  const parser = { backend: 'docling', url: 'https://parser.test', pagesPerRequest: 10, pagesPerMinute: 600 };
  const capacity = of(whole, { parser });
  expect(capacity.carried).toMatchObject({ pagesPerMinute: expect.closeTo(597, 6) });
  expect(capacity.hugeSeconds.alone).toBeCloseTo(2000 / 9.95 + 2000 / 300, 6);
  const byRequests = of(whole, { parser: { ...parser, requestsPerMinute: 30 } });
  expect(byRequests.carried.pagesPerMinute).toBeCloseTo(298.5, 6);
  expect(byRequests.hugeSeconds.alone).toBeCloseTo(2000 / 4.975 + 2000 / 300, 6);
});

test('pages with vectors: by the embedding tier, the worker and the vectorstore; none without an embedding', () => {
  const capacity = of({ ...whole, embedding: place(0.5, 1) });
  // 15 chunks/s, two a page.
  expect(limit(capacity, 'embeddedPagesPerMinute', 'embedding CPU')).toBeCloseTo(450, 6);
  // 1/100 + 1/300 + 2/300 s of a worker's vCPU, two of them: 100 pages/s. Of the vectorstore's 1/500 + 2/500, and 2 x 0.11 s
  // of tidying for 110 pages.
  expect(limit(capacity, 'embeddedPagesPerMinute', 'document-worker CPU')).toBeCloseTo(6000, 6);
  expect(limit(capacity, 'embeddedPagesPerMinute', 'vectorstore CPU')).toBeCloseTo(7500, 6);
  expect(capacity.carried.embeddedPagesPerMinute).toBeCloseTo(450, 6);
  // The words alone do not wait for it.
  expect(capacity.carried.pagesPerMinute).toBeCloseTo(9000, 6);
  expect(limit(of(whole), 'embeddedPagesPerMinute', 'no embedding')).toBe(0);
});

test('a foreign embedding: 600,000 tokens a minute of chunks of 300 are 1,000 pages, and its requests bound questions', () => {
  const embeddingModel = {
    url: 'https://models.test/v1',
    model: 'e',
    dimensions: 4,
    tokensPerMinute: 600_000,
    requestsPerMinute: 100,
  };
  const capacity = of(whole, { embeddingModel });
  // Meters give 99.5 % of a limit.
  expect(capacity.carried.embeddedPagesPerMinute).toBeCloseTo(995, 6);
  expect(limit(capacity, 'chatsPerMinute', "the embedding's account")).toBeCloseTo(99.5, 6);
});

test('questions are embedded by the same tier: 100 a second on half a vCPU', () => {
  expect(limit(of({ ...whole, embedding: place(0.5, 1) }), 'chatsPerMinute', 'embedding CPU')).toBeCloseTo(6000, 6);
});

test("the model's own limits: requests, tokens of 5,400 + 240 an answer, and answers at a time", () => {
  const model = { name: 'm', url: 'https://models.test/v1', contextTokens: 128_000 };
  const capacity = of(whole, {
    models: [{ ...model, requestsPerMinute: 200, tokensPerMinute: 564_000, maxInFlight: 10 }],
  });
  const accounts = capacity.limits.filter(({ part }) => part === "the model's account");
  expect(accounts.map(({ value }) => value)).toEqual([expect.closeTo(199, 6), expect.closeTo(99.5, 6)]);
  expect(capacity.carried.concurrentChats).toBe(10);
  // Said by another model of its endpoint.
  const models = [model, { ...model, name: 'n', maxInFlight: 10 }];
  expect(of(whole, { models }).carried.concurrentChats).toBe(10);
  const chats = limit(capacity, 'chatsPerMinute', "the model's slots") ?? 0;
  // Erlang B: 10 servers of 12 s, 1 % refused.
  expect(refusedShare(10, (chats * 12) / 60)).toBeCloseTo(0.01, 6);
  expect(capacity.carried.chatsPerMinute).toBe(chats);
});

test('the slots of a governor bound chats as those of a model do', () => {
  expect(of({ ...whole, governor: place(0.25, 1, { maxInFlight: 4 }) }).carried.concurrentChats).toBe(4);
});

test("a reranker's account bounds how many chats are reranked, not how many there are", () => {
  const reranker = { url: 'https://models.test', requestsPerMinute: 30 };
  const capacity = of(whole, { reranker });
  expect(capacity.rerankedChatsPerMinute).toBe(30);
  expect(capacity.carried.chatsPerMinute).toBe(of(whole).carried.chatsPerMinute);
  expect(of(whole).rerankedChatsPerMinute).toBeUndefined();
});

test('2,000 pages alone: all parsers read, then one worker cuts while the vectorstore commits', () => {
  // 200 pages/s of two workers; 2,000 / 300 s is more than 2,000 / 500 s.
  expect(of(whole).hugeSeconds.alone).toBeCloseTo(10 + 2000 / 300, 6);
});

test('2,000 pages while every band is full: a tenth of all pages, then more as the document gets shorter', () => {
  // Four other tenants and its own: sure of half a fifth. 1,801 and 99 pages at a tenth, where bands give 1/15 and 2/15
  // to all of theirs; 90 at 4/15 halved by nobody else in the band's turn than one other; 10 at 8/15, halved too.
  const granted = 1801 / 0.1 + 99 / 0.1 + 90 / (4 / 30) + 10 / (8 / 30);
  const seconds = granted / 150 + 2000 / 300;
  const { underLoad } = of(whole).hugeSeconds;
  // The flow gives grants of 50 pages, so it is a few of them off.
  expect(underLoad / seconds).toBeGreaterThan(0.97);
  expect(underLoad / seconds).toBeLessThan(1.03);
});

test('memory of each tier at that load, beside what it is given', () => {
  expect(of({ ...whole, embedding: place(0.5, 1) }).memory).toEqual(
    expect.arrayContaining([
      // A ready one, and half a MiB for each of 40 answers. Garbage: half of the heap, 0.6 of 4,096, and 32 of the young.
      { tier: 'chat', neededMiB: 120, mostMiB: 120 + 1228.5 + 32, givenMiB: 4096 },
      { tier: 'api', neededMiB: 200, mostMiB: 1460.5, givenMiB: 4096 },
      // Its heap is 128, its young 8: documents are not in it.
      { tier: 'document-worker', neededMiB: 280, mostMiB: 280 + 64 + 8, givenMiB: 4096 },
      // Its cache may take a quarter of what it is given, beside the garbage.
      { tier: 'vectorstore', neededMiB: 300, mostMiB: 300 + 1228.5 + 32 + 1024, givenMiB: 4096 },
      { tier: 'embedding', neededMiB: 560, mostMiB: 560 + 48 + 8, givenMiB: 4096 },
    ]),
  );
});

test('what is stored, and what a search then takes', () => {
  const { stored } = of(whole);
  expect(stored.pagesPerGiB).toBe(100_000);
  // 10 MiB or so of tables, 3 KiB a page of the rest.
  expect(stored.gibPer1000Pages).toBeCloseTo(0.01 + 3000 / 1024 ** 2, 9);
  // 9,000 pages a minute for five hours.
  expect(stored.gibPerDay).toBeCloseTo(2700 * stored.gibPer1000Pages, 6);
  // A GiB of cache, half a KiB each.
  expect(stored.chunksCached).toBe(2 * 1024 ** 2);
  expect(stored.searchesPerSecondThen).toBeCloseTo(1 / searchSeconds(2 * 1024 ** 2, constants), 6);
  // 10 ms at 220 chunks, 20 ms at 100,000: on a line.
  expect(searchSeconds(220, constants)).toBeCloseTo(0.01, 9);
  expect(searchSeconds(100_000, constants)).toBeCloseTo(0.02, 9);
  expect(searchSeconds(199_780, constants)).toBeCloseTo(0.03, 9);
});

test('scaling out: decision, provision and start; what waits meanwhile, by platform', () => {
  const range = { min: 1, max: 3 };
  const { scaleOut } = of({
    ...whole,
    'document-worker': place(1, range, { platform: 'vm', parserChildren: 2 }),
    chat: place(1, range, { slots: 10 }),
  });
  const [chat, worker] = ['chat', 'document-worker'].map((name) => scaleOut.find(({ tier }) => tier === name));
  // 120 s of a machine and 8 s of its container; 2 x 75 pages/s more for 180 + 128 s.
  expect(worker).toEqual({
    tier: 'document-worker',
    platform: 'vm',
    noticedSeconds: 180,
    readySeconds: 128,
    meanwhile: { bounds: 'pagesPerMinute', count: expect.closeTo(150 * 308, 6) },
  });
  expect(chat).toMatchObject({ platform: 'ecs', readySeconds: 70 });
  expect(scaleOut).toHaveLength(2);
});
