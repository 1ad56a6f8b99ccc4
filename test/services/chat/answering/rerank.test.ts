/** A reranker on this machine that sorts, hangs, breaks or talks nonsense, behind search and answers. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json as readJson } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { startServices, type TestServices } from '../../../support/stores.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import { allEvents, type Person, startChat, startSearch, type TestChat, type TestSearch, until } from '../fixture.ts';

interface Asked {
  readonly model?: string;
  readonly query: string;
  readonly documents?: string[];
  readonly texts?: string[];
  readonly [other: string]: unknown;
}
type Behaviour = (response: ServerResponse, asked: Asked) => void;

let asked: Asked[] = [];
let headers: IncomingHttpHeaders[] = [];
let behave: Behaviour;
const server = createServer(async (request, response) => {
  const body = (await readJson(request)) as Asked;
  asked.push(body);
  headers.push(request.headers);
  if (request.url !== '/v2/rerank') response.writeHead(404).end();
  else behave(response, body);
});

/** The last one first. */
const reversed = (count: number) => Array.from({ length: count }, (_, index) => ({ index, score: index / count }));
const likeCohere: Behaviour = (response, { documents = [] }) => {
  const results = reversed(documents.length).map(({ index, score }) => ({ index, relevance_score: score }));
  response.end(JSON.stringify({ id: 'x', results, meta: {} }));
};
const likeTei: Behaviour = (response, { texts = [] }) => void response.end(JSON.stringify(reversed(texts.length)));

let services: TestServices;
let search: TestSearch;
let plain: TestChat;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
const query = 'When are refunds paid?';
let before: string[];
beforeAll(async () => {
  services = await startServices();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  search = await startSearch(services);
  brain = await search.newBrain();
  person = await search.newPerson(brain.tenantId);
  const pages = Array.from(
    { length: 40 },
    (_, at) => `Refunds of kind ${at} are paid. ${'More text. '.repeat(6 * at)}`,
  );
  await search.addPages(brain, pages);
  plain = await startChat(services, search);
  before = (await found(plain, 50)).map(({ text }) => text);
});
const start = (
  settings: Partial<Record<'RERANK_MODEL' | 'RERANK_API_KEY', string>> = { RERANK_MODEL: 'reranker-1' },
  rerankTimeoutMs = 60_000,
) =>
  startChat(services, search, {
    rerankTimeoutMs,
    settings: { RERANK_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/`, ...settings },
  });
beforeEach(async () => {
  await chat?.close();
  chat = await start();
  asked = [];
  headers = [];
  behave = likeCohere;
});
afterAll(async () => {
  await Promise.all([chat.close(), plain.close()]);
  server.closeAllConnections();
  server.close();
  await search.close();
  await services.close();
});

interface Found {
  readonly text: string;
  readonly score: number;
}
const found = async (by: TestChat, limit: number) =>
  (await by.json<{ data: Found[] }>(person, 'POST', `/v1/brains/${brain.brainId}/search`, { query, limit })).data;
const texts = async (limit: number) => (await found(chat, limit)).map(({ text }) => text);
const metric = async (name: string) =>
  Number(new RegExp(`^chat_rerank_${name} (\\d+)`, 'm').exec(await (await fetch(`${chat.url}/metrics`)).text())?.[1]);

test('Cohere’s and Jina’s words: the list comes in the reranker’s order, with its scores', async () => {
  await chat.close();
  chat = await start({ RERANK_MODEL: 'reranker-1', RERANK_API_KEY: 'key-of-it' });
  const all = await found(chat, 5);
  expect(all.map(({ text }) => text)).toEqual(before.slice(27, 32).toReversed());
  expect(all.map(({ score }) => score)).toEqual([31, 30, 29, 28, 27].map((at) => at / 32));
  const [body] = asked as [Asked];
  expect(Object.keys(body).toSorted()).toEqual(['documents', 'model', 'query', 'top_n']);
  expect(body).toMatchObject({ model: 'reranker-1', query, top_n: 32 });
  expect(headers[0]?.authorization).toBe('Bearer key-of-it');
  expect([await metric('done_total'), await metric('failed_total')]).toEqual([1, 0]);
});

test('the words of text-embeddings-inference, without a model and a key', async () => {
  await chat.close();
  chat = await start({});
  behave = likeTei;
  expect(await texts(3)).toEqual(before.slice(29, 32).toReversed());
  expect(Object.keys(asked[0] as Asked).toSorted()).toEqual(['query', 'texts', 'truncate']);
  expect(headers[0]).not.toHaveProperty('authorization');
});

test('it reads a bounded number of passages, each of bounded length; the others stay behind', async () => {
  expect((await texts(40)).slice(32)).toEqual(before.slice(32, 40));
  const { documents = [] } = asked[0] as Asked;
  expect(documents).toHaveLength(32);
  expect(Math.max(...documents.map(({ length }) => length))).toBeLessThanOrEqual(2000);
  const scores = (await found(chat, 40)).map(({ score }) => score);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
});

test('an answer is made from what it puts first', async () => {
  await allEvents(await chat.ask(person, await chat.newConversation(person, brain), query));
  expect(asked).toHaveLength(1);
  behave = (response, { documents = [] }) =>
    void response.end(JSON.stringify({ results: [{ index: documents.length - 1, relevance_score: 1 }] }));
  const body = { model: `brain:${brain.brainId}`, messages: [{ role: 'user', content: query }] };
  const { choices } = await chat.json<{ choices: { message: { citations: { quote: string }[] } }[] }>(
    person,
    'POST',
    '/v1/chat/completions',
    body,
  );
  expect((before[31] as string).trim()).toContain(choices[0]?.message.citations[0]?.quote);
});

test.each<[string, Behaviour, 'late_total' | 'failed_total']>([
  ['hangs', () => {}, 'late_total'],
  ['hangs in the middle of its answer', (response) => void response.write('{"results":['), 'late_total'],
  ['answers 500', (response) => void response.writeHead(500).end('broken'), 'failed_total'],
  ['answers 401', (response) => void response.writeHead(401).end('who?'), 'failed_total'],
  ['hangs up', (response) => void response.destroy(), 'failed_total'],
  ['is another service', (response) => void response.end('<html>Welcome</html>'), 'failed_total'],
  ['ranks what it was not given', (response) => void response.end('[{"index":32,"score":1}]'), 'failed_total'],
  ['ranks one twice', (response) => void response.end('[{"index":1,"score":1},{"index":1,"score":2}]'), 'failed_total'],
  ['ranks nothing', (response) => void response.end('{"results":[]}'), 'failed_total'],
  [
    'does not end',
    (response) => void response.end(`${' '.repeat(2 * 1024 * 1024)}[{"index":1,"score":1}]`),
    'failed_total',
  ],
  ['gives no numbers', (response) => void response.end('[{"index":0,"score":"high"}]'), 'failed_total'],
])('one that %s counts as absent', async (_what, behaviour, counted) => {
  if (counted === 'late_total') {
    await chat.close();
    chat = await start(undefined, 300);
  }
  behave = behaviour;
  expect(await texts(10)).toEqual(before.slice(0, 10));
  expect([asked.length, await metric(counted)]).toEqual([1, 1]);
});

test('one that was not reached is not billed', async () => {
  await chat.close();
  chat = await startChat(services, search, {
    rerankTimeoutMs: 2000,
    settings: { RERANK_URL: 'http://reranker.invalid/v2/', RERANK_USD_PER_THOUSAND_CALLS: '2' },
  });
  const billed = () => search.db.selectFrom('ledger').select('kind').where('kind', '=', 'rerank_calls').execute();
  const earlier = (await billed()).length;
  expect(await texts(10)).toEqual(before.slice(0, 10));
  expect((await billed()).length).toBe(earlier);
});

test('after five failures it is not asked for a while; a refusal of one request is none', async () => {
  behave = (response) => void response.writeHead(400).end('too long');
  for (let times = 0; times < 6; times += 1) await texts(3);
  expect([asked.length, await metric('circuit_open')]).toEqual([6, 0]);
  asked = [];
  behave = (response) => void response.writeHead(503).end();
  for (let times = 0; times < 7; times += 1) expect(await texts(3)).toEqual(before.slice(0, 3));
  expect([asked.length, await metric('circuit_open')]).toEqual([5, 1]);
});

test('one question tries it again; while that one hangs, the others are not held up', async () => {
  behave = (response) => void response.writeHead(503).end();
  for (let times = 0; times < 5; times += 1) await texts(3);
  asked = [];
  const held: (() => void)[] = [];
  behave = (...given) => void held.push(() => likeCohere(...given));
  const [monotonic, clock] = [performance.now.bind(performance), Date.now.bind(Date)];
  jest.spyOn(performance, 'now').mockImplementation(() => monotonic() + 10_001);
  jest.spyOn(Date, 'now').mockImplementation(() => clock() + 10_001);
  try {
    const tries = texts(3);
    await until(() => held.length === 1);
    expect(await texts(3)).toEqual(before.slice(0, 3));
    expect(held).toHaveLength(1);
    held[0]?.();
    expect(await tries).toEqual(before.slice(29, 32).toReversed());
    behave = likeCohere;
    expect(await texts(3)).toEqual(before.slice(29, 32).toReversed());
  } finally {
    jest.restoreAllMocks();
  }
});
