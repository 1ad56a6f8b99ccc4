/**
 * Whatever becomes of calls to providers (failures, 429s and retries, answers cut or canceled), the ledger and
 * `GET /v1/usage` hold what the providers count, to the last call. `SUMS_SEED=42` repeats a run.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json as readJson } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createApi } from '../../../../services/api/app.ts';
import { ownerLink } from '../../../../services/api/identity/owner.ts';
import type { UsageReport } from '../../../../services/shared/contract/usage.ts';
import { estimateTokens } from '../../../../services/shared/models/tokens.ts';
import { type StubEmbedding, startStubEmbedding } from '../../../support/embedding/stub-embedding.ts';
import { cookieOf, settingsFor } from '../../api/harness.ts';
import { events, type Person, startChat, type TestChat } from '../../chat/fixture.ts';
import { type ModelServer, type ModelStream, startModelServer } from '../../chat/models/model-server.ts';
import { pdfOf } from '../../document-worker/documents.ts';
import { dimensions, embeddingEnv, isWhole } from '../../document-worker/embed/vectors.ts';
import { type Bench, openBench, type Place } from '../../document-worker/fixture.ts';
import { openRemote, type Remote } from '../../document-worker/remote/remote.ts';

const seed = Number(process.env.SUMS_SEED ?? Date.now() % 2 ** 31);
const drawn = fc.sample(fc.noBias(fc.maxSafeNat()), { seed, numRuns: 2000 });
const draw = (below: number) => (drawn.pop() as number) % below;
/** Each of them about as often, and all of them soon. */
function deckOf<Card>(cards: readonly Card[]): () => Card {
  let left: Card[] = [];
  return () => {
    if (left.length === 0) left = [...cards];
    return left.splice(draw(left.length), 1)[0] as Card;
  };
}
/** The first time that the same is asked for is up to the deck; then it is answered. */
function firstTime<Card>(deal: () => Card, otherwise: Card): (asked: string) => Card {
  const seen = new Set<string>();
  return (asked) => {
    if (seen.has(asked)) return otherwise;
    seen.add(asked);
    return deal();
  };
}

const usdPer = { parserPage: 0.01, embeddingToken: 2e-6, modelToken: 1e-5, rerankCall: 0.002 } as const;
const tokensOf = (texts: readonly string[]) => texts.reduce((sum, text) => sum + estimateTokens(text), 0);

/** Counts what it took; a refusal is no work. */
async function startReranker(behave: () => 'answer' | 'hang' | 'break' | number) {
  let billed = 0;
  const server = createServer(async (request, response) => {
    const { documents } = (await readJson(request)) as { documents: string[] };
    const behaviour = behave();
    if (typeof behaviour === 'number') return void response.writeHead(behaviour).end('{}');
    billed += 1;
    if (behaviour === 'break') return void request.socket.destroy();
    if (behaviour === 'answer')
      response.end(
        JSON.stringify({ results: documents.map((_, index) => ({ index, relevance_score: 1 / (index + 1) })) }),
      );
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`,
    get billed() {
      return billed;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

let bench: Bench;
let remote: Remote;
let embedding: StubEmbedding;
let model: ModelServer;
let reranker: Awaited<ReturnType<typeof startReranker>>;
let chat: TestChat;
let api: Awaited<ReturnType<typeof createApi>>;
let cookie: string;
let place: Place;
let person: Person;
beforeAll(async () => {
  console.log(`SUMS_SEED=${seed}`);
  bench = await openBench();
  embedding = await startStubEmbedding(dimensions, tokensOf);
  model = await startModelServer();
  reranker = await startReranker(deckOf(['answer', 'answer', 'hang', 'break', 500]));
  const embeds = { ...embeddingEnv(embedding, 'stub'), EMBEDDING_USD_PER_MILLION_TOKENS: '2' };
  remote = await openRemote(
    bench,
    'docling',
    {},
    { ...embeds, PARSER_PAGES_PER_REQUEST: '2', PARSER_USD_PER_THOUSAND_PAGES: '10' },
  );
  const price = { in: 10, out: 10 };
  chat = await startChat(bench.services, { url: bench.env.VECTORSTORE_URL } as Parameters<typeof startChat>[1], {
    rerankTimeoutMs: 500,
    settings: {
      ...embeds,
      EMBEDDING_DIMENSIONS: dimensions,
      MODELS: JSON.stringify([{ name: 'm', url: model.url, contextTokens: 8000, usdPerMillionTokens: price }]),
      RERANK_URL: reranker.url,
      RERANK_MODEL: 'r',
      RERANK_USD_PER_THOUSAND_CALLS: '2',
    },
  });
  api = await createApi(settingsFor(bench.services), bench.services.log);
  const token = await ownerLink(bench.db);
  const redeemed = await api.app.http.inject({ method: 'POST', url: '/v1/auth/link:redeem', payload: { token } });
  cookie = cookieOf({ status: redeemed.statusCode, headers: redeemed.headers, body: null });
  const { id: tenantId } = await get<{ id: string }>('/v1/tenant');
  const { id: personId } = await bench.db.selectFrom('people').select('id').executeTakeFirstOrThrow();
  const { brainId } = await bench.newPlace();
  await bench.db
    .updateTable('brains')
    .set({ tenant_id: tenantId, embedding_model: 'stub', embedding_dimensions: dimensions })
    .where('id', '=', brainId)
    .execute();
  place = { tenantId, brainId };
  person = { tenantId, personId };
});
afterAll(async () => {
  await chat.close();
  await remote.close();
  await Promise.all([embedding.close(), model.close()]);
  reranker.close();
  api.app.drain();
  await api.app.http.close();
  await api.close();
  await bench.close();
});

async function get<Body>(url: string): Promise<Body> {
  return (await api.app.http.inject({ method: 'GET', url, headers: { cookie } })).json() as Body;
}
const usage = async () => (await get<UsageReport>('/v1/usage?by=model')).data;

const sentence = (document: number, page: number) =>
  `Refunds of kind ${document * 10 + page} are paid within ${page + 2} days of the return of goods.`;

test('parser, embedding, model and reranker: every call that a provider counts, and none that it does not', async () => {
  const parserOf = firstTime(
    deckOf<'answer' | 'break' | 'truncate' | 'no-json' | number>(['answer', 'break', 'truncate', 'no-json', 429, 500]),
    'answer',
  );
  remote.parser.behave(({ texts }) => parserOf(texts[0] as string));
  const embeddingOf = firstTime(deckOf<'answer' | 'break' | number>(['answer', 'break', 429, 500]), 'answer');
  embedding.behave(([first = '']) => embeddingOf(first));

  const documents = [];
  const pages = [];
  for (let document = 0; document < 4; document += 1) {
    const texts = Array.from({ length: 2 + draw(4) }, (_, page) => sentence(document, page));
    pages.push(...texts);
    documents.push(await remote.submit(await pdfOf(texts), place));
  }
  for (const { jobId } of documents)
    expect(await bench.until(jobId, ({ finished_at }) => finished_at !== null)).toMatchObject({ status: 'succeeded' });
  for (const { documentId } of documents) await embedding.until(() => isWhole(bench, documentId));

  const told = { read: 0, written: 0 };
  const estimated = { read: 0, written: 0 };
  let wasted = 0;
  const text = 'Refunds are paid within days of the return. ';
  let heard = Promise.withResolvers<void>();
  const write = async (stream: ModelStream, prompt: readonly string[]) => {
    stream.text(text);
    estimated.read += tokensOf(prompt);
    estimated.written += estimateTokens(text);
    await heard.promise;
  };
  const outcomes = ['whole', 'whole', 'silent', 'cut', 'canceled', 'failed', 'throttled'] as const;
  const deal = deckOf(outcomes);
  for (let question = 0; question < 2 * outcomes.length; question += 1) {
    const outcome = deal();
    const isTurn = question % 2 === 0;
    heard = Promise.withResolvers();
    let tries = 0;
    model.behave(async (stream, { messages }) => {
      const prompt = messages.map(({ content }) => content);
      tries += 1;
      if (outcome === 'failed') return void stream.response.writeHead(500).end('{}');
      if (outcome === 'throttled' && tries === 1)
        return void stream.response.writeHead(429, { 'retry-after': '0' }).end('{}');
      if (outcome === 'cut') {
        await write(stream, prompt);
        return void stream.response.destroy();
      }
      if (outcome === 'canceled') {
        // A turn that is stopped stays to be read; a completion whose caller has gone is nobody's.
        if (!isTurn) wasted += tokensOf(prompt) + estimateTokens(text);
        return write(stream, prompt);
      }
      if (outcome === 'silent') {
        await write(stream, prompt);
        return stream.end(null);
      }
      const counts = { prompt_tokens: 50 + draw(500), completion_tokens: 5 + draw(50) };
      told.read += counts.prompt_tokens;
      told.written += counts.completion_tokens;
      stream.text(text);
      stream.end(counts);
    });
    await ask(`${question}: how long do refunds of kind ${draw(40)} take?`, isTurn, outcome === 'canceled', () =>
      heard.resolve(),
    );
  }
  // What has ended is written down a moment later.
  const expected = () => ({
    question: 2 * outcomes.length,
    pages: pages.length,
    parser_calls: remote.parser.calls.length,
    parser_pages: remote.parser.pages,
    embedding_tokens: embedding.billedTokens,
    model_tokens_in: told.read + estimated.read,
    model_tokens_out: told.written + estimated.written,
    rerank_calls: reranker.billed,
    ...(wasted > 0 && { wasted_tokens: wasted }),
  });
  const found = async () => {
    const rows = await usage();
    const sum = (of: string) => rows.filter(({ kind }) => kind === of).reduce((all, { amount }) => all + amount, 0);
    return Object.fromEntries(Object.keys(expected()).map((kind) => [kind, sum(kind)]));
  };
  const same = async () => JSON.stringify(await found()) === JSON.stringify(expected());
  for (let tries = 0; tries < 100 && !(await same()); tries += 1) await sleep(100);
  expect(await found()).toEqual(expected());
  expect(remote.parser.throttled).toBeGreaterThan(0);
  const cost = (await usage()).reduce((sum, row) => sum + row.cost_usd, 0);
  expect(cost).toBeCloseTo(
    remote.parser.pages * usdPer.parserPage +
      embedding.billedTokens * usdPer.embeddingToken +
      (told.read + told.written + estimated.read + estimated.written) * usdPer.modelToken +
      reranker.billed * usdPer.rerankCall,
    6,
  );
  const { rows: ledger } = await bench.pool.query(
    'select kind, sum(amount)::int as amount from ledger where tenant_id = $1 and kind <> $2 group by kind',
    [place.tenantId, 'compute_ms'],
  );
  expect(Object.fromEntries(ledger.map(({ kind, amount }) => [kind, amount]))).toEqual(expected());
}, 180_000);

/** In a conversation, or as a completion; `heard` when its first word is here, and then perhaps left. */
async function ask(question: string, isTurn: boolean, leaves: boolean, heard: () => void): Promise<void> {
  const gone = new AbortController();
  const { brainId } = place;
  const conversation = await chat.newConversation(person, { ...place, documentId: '' });
  const answer = isTurn
    ? await chat.ask(person, conversation, question, {}, gone.signal)
    : await chat.call(
        person,
        'POST',
        '/v1/chat/completions',
        { model: `brain:${brainId}`, stream: true, messages: [{ role: 'user', content: question }] },
        {},
        gone.signal,
      );
  let turnId: string | undefined;
  try {
    for await (const { event, data } of events(answer)) {
      if (event === 'turn') turnId = data.id;
      const word = isTurn ? event === 'token' : data.choices?.[0]?.delta.content;
      if (!word) continue;
      heard();
      if (!leaves) continue;
      if (isTurn) await chat.call(person, 'POST', `/v1/chat/turns/${turnId}:stop`);
      else gone.abort();
    }
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  }
}
