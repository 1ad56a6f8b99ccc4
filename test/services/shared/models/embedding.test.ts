import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import type { SignCall } from '../../../../services/shared/auth/service-token.ts';
import {
  builtInEmbedding,
  createEmbedder,
  type Embedder,
  type EmbeddingSettings,
} from '../../../../services/shared/models/embedding.ts';
import { isTransient, retryDelayMs } from '../../../../services/shared/models/retry.ts';

type Answer = (input: string[], request: IncomingMessage, response: ServerResponse) => void;
const asked: { input: string[]; authorization?: string }[] = [];
let answers: Answer[] = [];
const vectors: Answer = (input, _request, response) =>
  json(response, 200, {
    data: input.map((text, index) => ({ object: 'embedding', index, embedding: [text.length, 0, 1] })),
    usage: { prompt_tokens: input.length * 7, total_tokens: input.length * 7 },
  });
const refuse =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (_input, _request, response) =>
    json(response, status, { error: { message: `refused with ${status}` } }, headers);

const endpoint = createServer(async (request, response) => {
  const { input } = JSON.parse(await readText(request)) as { input: string[] };
  asked.push({ input, authorization: request.headers.authorization });
  (answers.shift() ?? vectors)(input, request, response);
});
await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
afterAll(() => {
  endpoint.closeAllConnections();
  endpoint.close();
});
beforeEach(() => {
  asked.length = 0;
  answers = [];
});

const remote = {
  EMBEDDING_URL: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/v1`,
  EMBEDDING_MODEL: 'tiny',
  EMBEDDING_DIMENSIONS: 3,
  EMBEDDING_QUERY_PREFIX: '',
  EMBEDDING_PASSAGE_PREFIX: '',
  EMBEDDING_API_KEY: 'secret',
  EMBEDDING_USD_PER_MILLION_TOKENS: '',
  EMBEDDING_REQUESTS_PER_MINUTE: 0,
  EMBEDDING_TOKENS_PER_MINUTE: 0,
};

const call = { as: 'passage', tenantId: 't', brainId: 'b' } as const;
const sign: SignCall = async ({ to, verb, tenantId, brainId }) => `${to} ${verb} ${tenantId} ${brainId}`;
const embedderOf = (settings: EmbeddingSettings) => createEmbedder(settings, { sign }) as Embedder;

test('without an endpoint nothing is embedded', () => {
  expect(createEmbedder({ ...remote, EMBEDDING_URL: '' }, { sign })).toBeNull();
});

test('the embedding tier gets a service token and gives vectors packed; no other endpoint gets one', async () => {
  const own = { ...remote, EMBEDDING_MODEL: builtInEmbedding.model, EMBEDDING_API_KEY: '' };
  const packed = Buffer.from(Float32Array.of(1, 0, 0.5).buffer).toString('base64');
  answers = [(_input, _request, response) => json(response, 200, { data: [{ index: 0, embedding: packed }] })];
  expect((await embedderOf(own).embed(['text'], call)).vectors).toEqual([[1, 0, 0.5]]);
  expect(asked).toEqual([{ input: ['text'], authorization: 'Bearer embedding embed t b' }]);
});

test('a model that wants prefixes gets them, on each side its own', async () => {
  const prefixed = { ...remote, EMBEDDING_QUERY_PREFIX: 'query:', EMBEDDING_PASSAGE_PREFIX: 'passage: ' };
  const embedder = embedderOf(prefixed);
  await embedder.embed(['a', 'b'], call);
  await embedder.embed(['c'], { ...call, as: 'query' });
  expect(asked.map(({ input }) => input)).toEqual([['passage: a', 'passage: b'], ['query: c']]);
});

test('tokens cost what is set, nothing at our own tier, and else nobody knows', () => {
  const own = { ...remote, EMBEDDING_MODEL: builtInEmbedding.model, EMBEDDING_API_KEY: '' };
  expect(embedderOf({ ...remote, EMBEDDING_USD_PER_MILLION_TOKENS: '0.02' }).costUsd(1_500_000)).toBe(0.03);
  expect(embedderOf(own).costUsd(1_500_000)).toBe(0);
  expect(embedderOf(remote).costUsd(1_500_000)).toBeNull();
  expect(() => embedderOf({ ...remote, EMBEDDING_USD_PER_MILLION_TOKENS: 'cheap' })).toThrow(
    "EMBEDDING_USD_PER_MILLION_TOKENS is 'cheap', allowed is a number from 0, as 0.02; empty: unknown.",
  );
});

test('a remote embedding is asked in batches of 32, in order, with the key', async () => {
  const embedder = embedderOf(remote);
  const texts = Array.from({ length: 70 }, (_, index) => 'x'.repeat(index + 1));
  const { vectors: got, tokens } = await embedder.embed(texts, call);
  expect(got.map(([length]) => length)).toEqual(texts.map(({ length }) => length));
  expect(asked.map(({ input }) => input.length)).toEqual([32, 32, 6]);
  expect(asked[0]?.authorization).toBe('Bearer secret');
  expect(tokens).toBe(490);
});

test('an endpoint that says no tokens, or the total alone, is not free', async () => {
  const data = [{ object: 'embedding', index: 0, embedding: [1, 0, 1] }];
  const says =
    (usage?: object): Answer =>
    (_input, _request, response) =>
      json(response, 200, { data, usage });
  answers = [says({ total_tokens: 9 }), says({ prompt_tokens: 0, total_tokens: 0 }), says()];
  const used: number[] = [];
  const told = { ...call, used: async (tokens: number) => void used.push(tokens) };
  const embedder = embedderOf(remote);
  for (let turn = 0; turn < 3; turn++) used.push((await embedder.embed(['sixteen letters!'], told)).tokens);
  expect(used).toEqual([9, 9, 4, 4, 4, 4]);
});

test('without a key none is sent', async () => {
  await embedderOf({ ...remote, EMBEDDING_API_KEY: '' }).embed(['text'], call);
  expect(asked).toEqual([{ input: ['text'], authorization: undefined }]);
});

test('what is no list of vectors is refused, and not asked for again', async () => {
  answers = [(_input, _request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hello')];
  await expect(embedderOf(remote).embed(['text'], call)).rejects.toThrow(/\/v1\/embeddings answers no list of vectors/);
  expect(asked).toHaveLength(1);
});

test('an answer that does not end is given up, and not asked for again', async () => {
  let ended = false;
  answers = [
    (_input, request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = () => {
        while (!response.destroyed && response.write(' '.repeat(64 * 1024)));
      };
      response.on('drain', more);
      request.socket.once('close', () => {
        ended = true;
      });
      more();
    },
  ];
  await expect(embedderOf(remote).embed(['text'], call)).rejects.toThrow('more than 16777216 bytes');
  expect(asked).toHaveLength(1);
  while (!ended) await new Promise(setImmediate);
});

test('429 with Retry-After and 503 are tried again; the tokens are counted once', async () => {
  answers = [refuse(429, { 'retry-after': '0' }), refuse(503, { 'retry-after': '0' })];
  const { tokens } = await embedderOf(remote).embed(['text'], call);
  expect(asked).toHaveLength(3);
  expect(tokens).toBe(7);
});

test('a connection that breaks is tried again', async () => {
  answers = [(_input, request) => request.socket.destroy()];
  await expect(embedderOf(remote).embed(['text'], call)).resolves.toMatchObject({ vectors: [[4, 0, 1]] });
  expect(asked).toHaveLength(2);
});

test('another 4xx is not tried again', async () => {
  answers = [refuse(400)];
  await expect(embedderOf(remote).embed(['text'], call)).rejects.toThrow(
    /The embedding endpoint .* failed: 400 refused with 400/,
  );
  expect(asked).toHaveLength(1);
});

test('vectors of another length are refused with the setting to change', async () => {
  await expect(embedderOf({ ...remote, EMBEDDING_DIMENSIONS: 4 }).embed(['text'], call)).rejects.toThrow(
    "'tiny' answers vectors of 3 numbers, EMBEDDING_DIMENSIONS is 4: set it to 3.",
  );
  expect(asked).toHaveLength(1);
});

test('a provider that asks to wait for an hour is not waited for', async () => {
  answers = [refuse(429, { 'retry-after': '3600' })];
  await expect(embedderOf(remote).embed(['text'], call)).rejects.toThrow(/refused with 429/);
  expect(asked).toHaveLength(1);
});

test('an aborted call ends with the reason of its signal', async () => {
  answers = [() => {}];
  const stop = new AbortController();
  const embedding = embedderOf(remote).embed(['text'], { ...call, signal: stop.signal });
  setTimeout(() => stop.abort(), 50);
  await expect(embedding).rejects.toThrow(/abort/i);
});

test('impossible settings are refused', () => {
  expect(() => embedderOf({ ...remote, EMBEDDING_DIMENSIONS: 0 })).toThrow(
    'EMBEDDING_DIMENSIONS is 0, allowed are 1 to 4096.',
  );
});

test('the delay before a retry is what the provider asks for, bounded, else grows with jitter', () => {
  const asks = (value: string) => ({ headers: new Headers({ 'retry-after': value }) });
  expect(retryDelayMs(1, asks('3'), () => 0)).toBe(3000);
  expect(retryDelayMs(1, asks(new Date(Date.now() - 5000).toUTCString()), () => 0)).toBe(0);
  expect([1, 2, 3].map((attempt) => retryDelayMs(attempt, {}, () => 0))).toEqual([500, 1000, 2000]);
  expect(retryDelayMs(3, {}, () => 1)).toBe(4000);
});

test('only failures that can pass are transient', () => {
  const failure = (members: object) => Object.assign(new Error('x'), members);
  expect(isTransient(failure({ status: 429 }))).toBe(true);
  expect(isTransient(failure({ status: 500 }))).toBe(true);
  expect(isTransient(failure({ status: 401 }))).toBe(false);
  expect(isTransient(failure({ cause: failure({ cause: failure({ code: 'ECONNRESET' }) }) }))).toBe(true);
  expect(isTransient(failure({ name: 'AbortError' }))).toBe(false);
  expect(isTransient(failure({}))).toBe(false);
});

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
