/** OpenAI's own client against a brain that is answered without a language model. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import OpenAI, { type APIError, type ClientOptions } from 'openai';
import { uuidv7 } from 'uuidv7';
import { estimateTokens } from '../../../../services/shared/models/tokens.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import { type ChatUnderTest, openChat, startChat, type TestChat, type TestSearch } from '../fixture.ts';
import { says } from '../models/model-server.ts';

let opened: ChatUnderTest;
let search: TestSearch;
let chat: TestChat;
let brain: TestBrain;
let client: OpenAI;
beforeAll(async () => {
  opened = await openChat({ model: false, slots: 1 });
  ({ search, chat } = opened);
  brain = await search.newBrain();
  await search.addPages(brain, ['Refunds are paid within fourteen days of the return.']);
  client = clientOf(JSON.stringify(await search.newPerson(brain.tenantId)));
});
afterAll(() => opened.close());

const clientOf = (person: string | null, more: ClientOptions = {}) =>
  new OpenAI({
    baseURL: `${chat.url}/v1`,
    apiKey: 'unused',
    maxRetries: 0,
    defaultHeaders: { 'x-person': person },
    ...more,
  });
const messages = [{ role: 'user' as const, content: 'When are refunds of a return paid?' }];
const failure = (request: Promise<unknown>): Promise<APIError> =>
  request.then(
    () => Promise.reject(new Error('was answered')),
    (error) => error,
  );

test('every model that is listed can be asked; those of other tenants are not listed', async () => {
  const other = await search.newBrain();
  const { data } = await client.models.list();
  expect(data.map(({ id }) => id)).toEqual([`brain:${brain.brainId}`]);
  expect(data[0]?.created).toBeGreaterThan(1_700_000_000);
  expect(data[0]).toMatchObject({ object: 'model', name: expect.any(String) });
  expect(JSON.stringify(data)).not.toContain(other.brainId);
  for (const { id: model } of data) {
    const { choices, usage } = await client.chat.completions.create({ model, messages });
    expect(choices[0]?.message.content).toContain('fourteen days');
    const tokens = estimateTokens(choices[0]?.message.content ?? '');
    expect(usage).toEqual({ prompt_tokens: 9, completion_tokens: tokens, total_tokens: 9 + tokens });
  }
});

test('a model of the list is found by its id, and no other is', async () => {
  const [listed] = (await client.models.list()).data;
  expect(await client.models.retrieve(`brain:${brain.brainId}`)).toEqual(listed);
  const absent = (await search.newBrain()).brainId;
  for (const [id, message] of [
    [`brain:${absent}`, `404 There is no brain ${absent}.`],
    ['gpt-4o', "404 The model is 'gpt-4o', allowed is 'brain:' and the id of a brain."],
  ] as const)
    expect(await failure(client.models.retrieve(id))).toMatchObject({ status: 404, code: 'not-found', message });
});

test('a streamed built-in answer ends with its tokens, and the ledger pays none of them', async () => {
  const stream = await client.chat.completions.create({
    model: `brain:${brain.brainId}`,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  let answer = '';
  let last: OpenAI.ChatCompletionChunk | undefined;
  for await (const chunk of stream) {
    last = chunk;
    answer += chunk.choices[0]?.delta.content ?? '';
  }
  const tokens = estimateTokens(answer);
  expect(tokens).toBeGreaterThan(9);
  expect(last?.usage).toEqual({ prompt_tokens: 9, completion_tokens: tokens, total_tokens: 9 + tokens });
  const paid = await search.db
    .selectFrom('ledger')
    .select('kind')
    .distinct()
    .where('tenant_id', '=', brain.tenantId)
    .where('kind', 'like', 'model%')
    .execute();
  expect(paid).toEqual([]);
});

test('a refusal tells the client why, with the status of every other route', async () => {
  const create = (body: object) => failure(client.chat.completions.create(body as never));
  expect(await create({ model: 'gpt-4o', messages })).toMatchObject({
    status: 404,
    code: 'not-found',
    param: 'model',
    type: 'invalid_request_error',
    message: "404 The model is 'gpt-4o', allowed is 'brain:' and the id of a brain.",
  });
  const absent = uuidv7();
  expect(await create({ model: `brain:${absent}`, messages })).toMatchObject({
    status: 404,
    message: `404 There is no brain ${absent}.`,
    param: null,
  });
  expect(await create({ model: `brain:${brain.brainId}`, messages: [] })).toMatchObject({
    status: 400,
    code: 'bad-request',
    param: 'messages',
  });
  expect(await failure(clientOf(null).models.list())).toMatchObject({
    status: 401,
    code: 'unauthorized',
    type: 'authentication_error',
  });
  await search.db.updateTable('tenants').set({ questions_per_day_max: 0 }).where('id', '=', brain.tenantId).execute();
  const refused = await create({ model: `brain:${brain.brainId}`, messages });
  expect(refused).toMatchObject({ status: 429, code: 'quota', type: 'rate_limit_error' });
  expect(Number(refused.headers?.get('retry-after'))).toBeGreaterThan(0);
});

test('its own retry waits as long as a yield says', async () => {
  const { services, model } = opened;
  const full = await startChat(services, search, { modelUrl: model.url, slots: 1 });
  try {
    const fresh = await search.newBrain();
    const person = JSON.stringify(await search.newPerson(fresh.tenantId));
    const tries: { readonly atMs: number; readonly status: number; readonly hintMs: number }[] = [];
    const own = clientOf(person, {
      baseURL: `${full.url}/v1`,
      maxRetries: 2,
      fetch: async (url, init) => {
        const atMs = performance.now();
        const answer = await fetch(url, init);
        tries.push({ atMs, status: answer.status, hintMs: Number(answer.headers.get('retry-after-ms')) });
        return answer;
      },
    });
    const asked = { model: `brain:${fresh.brainId}`, messages };
    // A short one, so that a long one is taken to be half done.
    model.behave(says('Soon.'));
    await own.chat.completions.create(asked);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    model.behave(async (stream) => {
      await held;
      stream.text('Held.');
      stream.end();
    });
    const first = own.chat.completions.create(asked);
    while (model.requests.length === 0) await sleep(10);
    // Above what the client waits by itself, half a second.
    await sleep(1000);
    const second = own.chat.completions.create(asked);
    while (!tries.some(({ status }) => status === 503)) await sleep(10);
    release();
    expect((await first).choices[0]?.message.content).toBe('Held.');
    expect((await second).choices[0]?.message.content).toBe('Held.');
    const at = tries.findIndex(({ status }) => status === 503);
    const [refused, again] = [tries[at], tries.at(-1)];
    expect(refused?.hintMs).toBeGreaterThan(900);
    expect((again?.atMs ?? 0) - (refused?.atMs ?? 0)).toBeGreaterThanOrEqual((refused?.hintMs ?? 0) - 5);
    expect(tries.map(({ status }) => status).filter((status) => status === 503)).toEqual([503]);
  } finally {
    await full.close();
  }
});
