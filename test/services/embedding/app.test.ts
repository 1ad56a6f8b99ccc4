/** The embedding tier as its callers see it: over HTTP, with the real weights. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import OpenAI from 'openai';
import { uuidv7 } from 'uuidv7';
import { createEmbeddingApp } from '../../../services/embedding/app.ts';
import { type Engine, nextBatch, startEngine } from '../../../services/embedding/inference/engine.ts';
import type { ServiceName } from '../../../services/manifest.ts';
import { createVerifier } from '../../../services/shared/auth/service-token.ts';
import type { App } from '../../../services/shared/http/http.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { preparedWeights, testWithWeights as test } from '../../support/embedding/weights.ts';
import { allPublicKeys, signerOf } from '../../support/service-keys.ts';

const model = 'universal-sentence-encoder-multilingual-3';
const tenantId = uuidv7();
const brainId = uuidv7();

let app: App;
let engine: Engine;
let url = '';

const token = async (from: ServiceName, tenant = tenantId) =>
  (await signerOf(from))({ to: 'embedding', verb: 'embed', tenantId: tenant, brainId });

describe('with the weights', () => {
  beforeAll(async () => {
    engine = await startEngine(await preparedWeights());
    const log = createLogger('embedding', { level: 'warn' });
    app = createEmbeddingApp({ engine, verify: await createVerifier('embedding', allPublicKeys), log });
    await app.http.listen({ host: '127.0.0.1', port: 0 });
    url = app.http.listeningOrigin;
  });
  afterAll(async () => {
    await app?.http.close();
    await engine?.close();
  });

  const post = async (body: unknown, authorization?: string) => {
    const answer = await fetch(`${url}/v1/embeddings`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: authorization ?? `Bearer ${await token('chat')}`,
      },
      body: JSON.stringify(body),
    });
    // biome-ignore lint/suspicious/noExplicitAny: any answer
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as any };
  };
  const client = async (from: ServiceName, tenant?: string) =>
    new OpenAI({ baseURL: `${url}/v1`, apiKey: await token(from, tenant), maxRetries: 0 });
  const similarity = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, index) => sum + value * (b[index] as number), 0);

  test('the official client gets vectors in which meaning is near, across languages', async () => {
    const answer = await (await client('chat')).embeddings.create({
      model,
      input: [
        'the black cat ran through the garden',
        'o gato preto correu pelo jardim',
        '검은 고양이가 정원을 달렸다',
        '재귀 함수',
      ],
      encoding_format: 'float',
    });
    const [cat, gato, goyangi, recursion] = answer.data.map(({ embedding }) => embedding) as number[][];
    expect(answer.data.map(({ index, object }) => `${object} ${index}`)).toEqual(
      [0, 1, 2, 3].map((at) => `embedding ${at}`),
    );
    expect([cat?.length, answer.model, answer.object]).toEqual([512, model, 'list']);
    expect(similarity(cat as number[], cat as number[])).toBeCloseTo(1, 5);
    expect(similarity(cat as number[], gato as number[])).toBeGreaterThan(0.7);
    expect(similarity(cat as number[], goyangi as number[])).toBeGreaterThan(0.5);
    expect(similarity(cat as number[], recursion as number[])).toBeLessThan(0.3);
    expect(answer.usage).toEqual({ prompt_tokens: answer.usage.total_tokens, total_tokens: expect.any(Number) });
    expect(answer.usage.prompt_tokens).toBeGreaterThan(30);
  });

  test('base64 holds the same numbers, and one text is the same as a list of one', async () => {
    const [float, packed] = await Promise.all([
      post({ model, input: 'a bulkhead' }),
      post({ model, input: ['a bulkhead'], encoding_format: 'base64' }),
    ]);
    const bytes = Buffer.from(packed.body.data[0].embedding, 'base64');
    const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    expect(numbers).toEqual(Float32Array.from(float.body.data[0].embedding));
    // The client asks for base64 by itself.
    const decoded = await (await client('chat')).embeddings.create({ model, input: 'a bulkhead' });
    expect(Float32Array.from(decoded.data[0]?.embedding ?? [])).toEqual(numbers);
  });

  // Quantized as they run, texts of one batch share a scale: not the same to the last digit.
  test('a text has one vector, whatever stands beside it', async () => {
    const texts = ['short', 'a much longer text '.repeat(60), '\u0000 \ud800 odd', '漢字かな交じり文', 'x'];
    const together = await post({ model, input: texts });
    for (const [index, text] of texts.entries()) {
      const alone = await post({ model, input: text });
      expect(similarity(alone.body.data[0].embedding, together.body.data[index].embedding)).toBeGreaterThan(0.98);
    }
  });

  const refusals: [string, unknown, number, string, string | null][] = [
    ['no text', { model, input: [] }, 400, 'body/input: must hold at least one string', 'input'],
    ['an empty text', { model, input: ['a', ''] }, 400, 'body/input/1: must not be empty', 'input.1'],
    ['tokens', { model, input: [[1, 2, 3]] }, 400, 'body/input/0: must be a string; tokens are not taken', 'input.0'],
    [
      'too many texts',
      { model, input: Array(129).fill('a') },
      400,
      'body/input: holds 129 strings, allowed are 128',
      'input',
    ],
    [
      'a text too long',
      { model, input: 'x'.repeat(2001) },
      400,
      'body/input/0: has 2001 characters, allowed are 2000',
      'input.0',
    ],
    [
      'too much text',
      { model, input: Array(21).fill('x'.repeat(2000)) },
      400,
      'body/input: holds 42000 characters in all, allowed are 40000: send fewer at once',
      'input',
    ],
    ['another model', { model: 'ada', input: 'a' }, 404, `The model is 'ada', served here is '${model}'.`, null],
    ['other dimensions', { model, input: 'a', dimensions: 256 }, 400, "'dimensions' is 256, allowed is 512.", null],
  ];
  test('what is refused says what was given and what is allowed, in OpenAI’s shape', async () => {
    for (const [what, body, status, message, param] of refusals) {
      const answer = await post(body);
      const code = status === 404 ? 'not-found' : 'bad-request';
      expect({ what, status: answer.status, body: answer.body }).toEqual({
        what,
        status,
        body: { error: { message, type: 'invalid_request_error', param, code } },
      });
    }
    const failed = (await client('chat')).embeddings.create({ model, input: 'x'.repeat(2001) });
    await expect(failed).rejects.toThrow('400 body/input/0: has 2001 characters, allowed are 2000');
  });

  test('only tiers that are declared to call it may', async () => {
    const stranger = await post({ model, input: 'a' }, 'Bearer none');
    expect([stranger.status, stranger.body.error.type]).toEqual([401, 'authentication_error']);
    const search = await (await signerOf('chat'))({ to: 'vectorstore', verb: 'search', tenantId, brainId });
    expect((await post({ model, input: 'a' }, `Bearer ${search}`)).status).toBe(401);
    expect((await fetch(`${url}/v1/embeddings`, { method: 'POST' })).status).toBe(401);
  });

  test('a flood of documents is refused with when to come back, other tenants and questions are not', async () => {
    const sentences = Array.from({ length: 128 }, (_, index) =>
      `Sentence ${index} of a document that is long. `.repeat(3),
    );
    const flood = Array.from({ length: 40 }, async () => {
      const answer = await post({ model, input: sentences }, `Bearer ${await token('document-worker')}`);
      return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: answer.body };
    });
    while (engine.waiting.documents < 3) await sleep(5);
    const other = post({ model, input: 'of another tenant' }, `Bearer ${await token('document-worker', uuidv7())}`);
    const question = await post({ model, input: 'Who waits?' });
    // The question went before documents that came first.
    expect(engine.waiting.documents).toBeGreaterThan(0);
    const live = await fetch(`${url}/livez`);
    expect([question.status, (await other).status, live.status]).toEqual([200, 200, 200]);
    const answers = await Promise.all(flood);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.filter(({ status }) => status === 200).length).toBe(40 - refused.length);
    for (const { retryAfter, body } of refused) {
      expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
      expect(body.error).toEqual({
        message: 'Enough texts wait for this replica.',
        type: 'server_error',
        param: null,
        code: 'yield',
      });
    }
  });

  test('what a caller no longer waits for is not worked on', async () => {
    const before = await texts();
    const sentences = Array.from({ length: 128 }, () => 'A sentence that nobody waits for. '.repeat(8));
    const gone = new AbortController();
    const calls = Array.from({ length: 8 }, async () =>
      fetch(`${url}/v1/embeddings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${await token('document-worker')}` },
        body: JSON.stringify({ model, input: sentences }),
        signal: gone.signal,
      }).catch(() => null),
    );
    while (engine.waiting.documents < 3) await sleep(5);
    gone.abort();
    await Promise.all(calls);
    while (engine.waiting.documents > 0) await sleep(5);
    expect((await texts()) - before).toBeLessThan(8 * 128);
  });

  /** Texts of documents that were embedded, by the metrics. */
  const texts = async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return Number(/embedding_texts_total\{of="document"\} (\d+)/.exec(metrics)?.[1] ?? 0);
  };

  test('a thread that ended ends its work too', async () => {
    const own = await startEngine(await preparedWeights());
    const signal = new AbortController().signal;
    const work = Promise.allSettled([true, false].map((question) => own.embed(['a'], { question, signal })));
    await own.close();
    await expect(own.lost).rejects.toThrow('the thread of the model ended');
    expect((await work).at(-1)).toMatchObject({ status: 'rejected' });
    await expect(own.embed(['a'], { question: true, signal })).rejects.toThrow('the model is closed');
  });
});

test('a batch holds few characters, but at least one text', () => {
  expect(nextBatch(['x'.repeat(5000), 'a'], 0)).toHaveLength(1);
  expect(nextBatch(['a', 'x'.repeat(3999), 'b'], 0)).toHaveLength(2);
  expect(nextBatch(Array(100).fill('a'), 90)).toHaveLength(10);
  expect(nextBatch(Array(100).fill('a'), 0)).toHaveLength(32);
});
