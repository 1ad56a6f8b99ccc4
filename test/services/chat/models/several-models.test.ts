/** Models at endpoints of their own: what each is sent, who answers when one fails, and what each answer cost. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { Conversation, Turn } from '../../../../services/shared/contract/chat.ts';
import { meterState } from '../../../../services/shared/scheduler/meters.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import {
  allEvents,
  answerOf,
  type Person,
  type StreamedEvent,
  startChat,
  startSearch,
  type TestChat,
  type TestSearch,
} from '../fixture.ts';
import { type ModelServer, pages, says, startModelServer } from './model-server.ts';

let services: TestServices;
let search: TestSearch;
let first: ModelServer;
let second: ModelServer;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
let conversation: Conversation;
beforeAll(async () => {
  services = await startServices();
  [search, first, second] = await Promise.all([startSearch(services), startModelServer(), startModelServer()]);
  brain = await search.newBrain();
  person = await search.newPerson(brain.tenantId);
  await search.addPages(brain, pages);
});
beforeEach(async () => {
  await chat?.close();
  await setBrain({ model: null, instructions: '' });
  await allow(null);
  chat = await startChat(services, search, {
    modelTimeouts: { firstTokenMs: 2000, tokenMs: 2000 },
    settings: {
      MODELS: JSON.stringify([
        {
          name: 'small',
          model: 'vendor/small-1',
          url: first.url,
          contextTokens: 4000,
          usdPerMillionTokens: { in: 0.25, out: 2 },
          key: 'one',
          fallback: 'large',
        },
        { name: 'large', url: second.url, contextTokens: 200_000, key: 'two' },
      ]),
      MODEL_API_KEYS: JSON.stringify({ one: 'key-of-one', two: 'key-of-two' }),
    },
  });
  conversation = await chat.newConversation(person, brain);
  first.behave(says('Fourteen days [1].'));
  second.behave(says('Fourteen days, the second says [1].'));
});
afterAll(async () => {
  await chat.close();
  await Promise.all([search.close(), first.close(), second.close()]);
  await services.close();
});

const setBrain = (own: { model?: string | null; instructions?: string }) =>
  search.db.updateTable('brains').set(own).where('id', '=', brain.brainId).execute();
const allow = (models_allowed: string[] | null) =>
  search.db.updateTable('tenants').set({ models_allowed }).where('id', '=', brain.tenantId).execute();
const question = 'How long do refunds take?';
const ask = async (asked = question) => allEvents(await chat.ask(person, conversation, asked));
const endOf = (all: readonly StreamedEvent[]) => all.at(-1)?.data as Turn;
const metric = async (name: string) =>
  Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await (await fetch(`${chat.url}/metrics`)).text())?.[1]);
const paidFor = async (turnId: string) => {
  const rows = await search.db
    .selectFrom('ledger')
    .select(['kind', 'amount', 'cost_usd', 'model'])
    .where('turn_id', '=', turnId)
    .where('kind', 'like', 'model%')
    .orderBy('kind')
    .execute();
  return rows.map(({ kind, amount, cost_usd, model }) => [kind, amount, cost_usd, model]);
};
const failing = (status: number) => (stream: { response: import('node:http').ServerResponse }) =>
  void stream.response.writeHead(status, { 'retry-after': '60' }).end();

test('each model is asked at its own endpoint, by its name there, with its own key', async () => {
  expect(endOf(await ask()).answerer).toEqual({ kind: 'model', name: 'small' });
  expect([first.requests[0]?.model, first.authorizations[0]]).toEqual(['vendor/small-1', 'Bearer key-of-one']);
  await setBrain({ model: 'large' });
  expect(endOf(await ask()).answerer).toEqual({ kind: 'model', name: 'large' });
  expect([second.requests[0]?.model, second.authorizations[0]]).toEqual(['large', 'Bearer key-of-two']);
  expect(first.requests).toHaveLength(1);
});

test('the cost is what the model’s price says, and unknown without a price', async () => {
  const known = endOf(await ask());
  expect(known.usage).toEqual({ tokens_in: 100, tokens_out: 20, cost_usd: 0.000065, passages: 2 });
  expect(await paidFor(known.id)).toEqual([
    ['model_tokens_in', 100, 0.000025, 'small'],
    ['model_tokens_out', 20, 0.00004, 'small'],
  ]);
  await setBrain({ model: 'large' });
  const unknown = endOf(await ask());
  expect(unknown.usage?.cost_usd).toBeNull();
  expect(await paidFor(unknown.id)).toEqual([
    ['model_tokens_in', 100, null, 'large'],
    ['model_tokens_out', 20, null, 'large'],
  ]);
});

// One that had the question and did not refuse it bills what it read.
test.each([
  ['refuses with 429', false, failing(429)],
  ['breaks with 500', false, failing(500)],
  ['says nothing in time', true, () => {}],
  ['hangs up', true, (stream: { response: import('node:http').ServerResponse }) => void stream.response.destroy()],
])(
  'when a model %s (billed: %s), its fallback answers, and turn, ledger and metric say so',
  async (_what, billed, behaviour) => {
    first.behave(behaviour);
    const all = await ask();
    expect(answerOf(all)).toBe('Fourteen days, the second says [1].');
    const turn = endOf(all);
    expect(turn).toMatchObject({ status: 'done', answered: true, answerer: { kind: 'model', name: 'large' } });
    expect((await chat.turn(person, turn.id)).answerer.name).toBe('large');
    const models = (await paidFor(turn.id)).map(([kind, , , model]) => `${kind} ${model}`).toSorted();
    expect(models).toEqual([
      'model_tokens_in large',
      ...(billed ? ['model_tokens_in small'] : []),
      'model_tokens_out large',
    ]);
    expect(await metric('chat_model_fallbacks_total')).toBe(1);
  },
);

test('a program hears who answered', async () => {
  first.behave(failing(503));
  const body = { model: `brain:${brain.brainId}`, messages: [{ role: 'user', content: question }] };
  const { choices } = await chat.json<{ choices: { message: object }[] }>(person, 'POST', '/v1/chat/completions', body);
  expect(choices[0]?.message).toMatchObject({ answerer: { kind: 'model', name: 'large' }, answered: true });
});

test('while the circuit of a model is open, the fallback answers without a try at it', async () => {
  first.behave(failing(500));
  for (let times = 0; times < 5; times += 1) expect(endOf(await ask()).answerer.name).toBe('large');
  first.behave(says('not asked'));
  expect(endOf(await ask()).answerer.name).toBe('large');
  expect(first.requests).toHaveLength(0);
  expect(await metric('chat_model_circuit_open')).toBe(1);
});

test('never after a word came, never for a request that is wrong, never a model that the tenant may not ask', async () => {
  first.behave(async (stream) => {
    stream.text('Fourteen days [1], ');
    await new Promise((resolve) => setTimeout(resolve, 50));
    stream.response.destroy();
  });
  const broken = await ask();
  expect([broken.at(-1)?.data.status, answerOf(broken)]).toEqual(['interrupted', 'Fourteen days [1], ']);
  first.behave(failing(400));
  expect((await ask()).at(-1)?.event).toBe('error');
  await allow(['small']);
  first.behave(failing(500));
  expect((await ask()).at(-1)?.event).toBe('error');
  expect(second.requests).toHaveLength(0);
});

test('a fallback that fails too fails the turn', async () => {
  first.behave(failing(500));
  second.behave(failing(500));
  const all = await ask();
  expect([all.at(-1)?.event, all.at(-1)?.data.detail]).toEqual(['error', expect.stringContaining("'large' failed")]);
});

test('of the history as many turns go along as the model’s context holds, the oldest left out first', async () => {
  // Some 200 tokens each; an eighth of 4,000 holds two of them, of 200,000 all.
  first.behave(says(`${'word '.repeat(150)}[1].`));
  for (let times = 1; times <= 6; times += 1) await ask(`${times}. ${question}`);
  const asked = (server: ModelServer) =>
    server.requests
      .at(-1)
      ?.messages.slice(1, -1)
      .flatMap(({ role, content }) => (role === 'user' ? [Number.parseInt(content, 10)] : []));
  expect(asked(first)).toEqual([4, 5]);
  await setBrain({ model: 'large' });
  await ask();
  expect(asked(second)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('a brain’s instructions stand in the rules, before what a program adds', async () => {
  await setBrain({ instructions: 'Answer like a lawyer.' });
  const messages = [
    { role: 'system', content: 'In one line.' },
    { role: 'user', content: question },
  ];
  await chat.call(person, 'POST', '/v1/chat/completions', { model: `brain:${brain.brainId}`, messages });
  const system = first.requests[0]?.messages[0]?.content ?? '';
  expect(system.split('\n').slice(-2)).toEqual([
    'The owner of the documents adds: Answer like a lawyer.',
    'The application that asks adds: In one line.',
  ]);
});

test('what is known of each model is listed', async () => {
  const { data } = await chat.json<{ data: object[] }>(person, 'GET', '/v1/chat/models');
  expect(data).toMatchObject([
    { id: 'small', context_tokens: 4000, usd_per_million_tokens: { in: 0.25, out: 2 } },
    { id: 'large', context_tokens: 200_000, usd_per_million_tokens: null },
    { id: 'extractive' },
  ]);
});

test('citations that their passage does not support are left out, and counted', async () => {
  first.behave(says('Refunds take fourteen days [1]. Parcels', ' weigh 77 pounds [', '1].'));
  const all = await ask();
  expect(answerOf(all)).toBe('Refunds take fourteen days [1]. Parcels weigh 77 pounds.');
  expect(endOf(all).citations.map(({ n }) => n)).toEqual([1]);
  expect(await metric('chat_citations_dropped_total')).toBe(1);
});

test('a model whose account is used up is not asked; its fallback answers', async () => {
  const redis = new Redis(services.redisUrl);
  const limits = { requestsPerMinute: 3, tokensPerMinute: 1_000_000 };
  const metered = await startChat(services, search, {
    settings: {
      REDIS_URL: services.redisUrl,
      MODELS: JSON.stringify([
        { name: 'small', url: first.url, contextTokens: 4000, fallback: 'large', ...limits },
        { name: 'large', url: second.url, contextTokens: 200_000 },
      ]),
    },
  });
  try {
    const conversation = await metered.newConversation(person, brain);
    const answeredBy = async () => endOf(await allEvents(await metered.ask(person, conversation, question))).answerer;
    // A meter begins empty: the first request is free in 20 s.
    expect(await answeredBy()).toEqual({ kind: 'model', name: 'large' });
    expect(first.requests).toEqual([]);
    await redis.hset('{bulkhead:schedule}:meter:model/small', 'requestsNext', 0);
    expect(await answeredBy()).toEqual({ kind: 'model', name: 'small' });
    expect(await answeredBy()).toEqual({ kind: 'model', name: 'large' });
    // Of 1,000 tokens that may be written, 20 were.
    expect((await meterState(redis, 'model/small')).taken).toMatchObject({ requests: 1, tokens: 120 });
  } finally {
    await metered.close();
    redis.disconnect();
  }
});
