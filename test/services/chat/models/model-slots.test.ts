/** What a model takes at a time, whichever replica asks: two chats that share a Redis. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { throughGovernor } from '../../../../services/chat/models/governed.ts';
import { configuredModels } from '../../../../services/shared/models/configured-models.ts';
import { allEvents, type ChatUnderTest, events, openChat, type Person, type TestChat, until } from '../fixture.ts';
import { startModelServer } from './model-server.ts';

let opened: ChatUnderTest;
let others: TestChat;
let model: Awaited<ReturnType<typeof startModelServer>>;
let redis: Redis;
beforeAll(async () => {
  model = await startModelServer();
  const one = { name: 'gpu', url: model.url, contextTokens: 8000, maxInFlight: 1, requestsPerMinute: 1000 };
  const same = { name: 'same', url: `${model.url}/`, contextTokens: 8000, fallback: 'gpu' };
  const other = { name: 'other', url: model.url, contextTokens: 8000, key: 'other' };
  opened = await openChat({
    model: false,
    settings: { MODELS: JSON.stringify([one, same, other]), MODEL_API_KEYS: '{"other":"account"}' },
  });
  others = await opened.another();
  redis = new Redis(opened.services.redisUrl);
  await ready();
});
afterAll(async () => {
  redis?.disconnect();
  await opened?.close();
  await model?.close();
});

const key = () => `{bulkhead:slots:model:${model.url}}`;
/** After the start of all, holders are waited for. */
async function ready(): Promise<void> {
  while ((await redis.hlen(`${key()}:replicas`)) < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  await redis.set(`${key()}:recover`, 0);
}

/** The model answers when it is told to. */
function hold() {
  const answers: (() => void)[] = [];
  model.behave(
    (stream) =>
      new Promise<void>((resolve) => {
        answers.push(() => {
          stream.text('Refunds are paid [1].');
          stream.end();
          resolve();
        });
      }),
  );
  return answers;
}

test('an answer on one replica leaves none on the other: it yields before anything is stored or paid', async () => {
  const { chat, search, brainOf } = opened;
  const { brain, person } = await brainOf(['Refunds are paid within fourteen days of the return.']);
  const answers = hold();
  const conversation = await chat.newConversation(person, brain);
  const first = await chat.ask(person, conversation, 'When are refunds paid?');
  expect(first.status).toBe(200);
  await until(() => answers.length === 1);

  const refused = await others.ask(person, conversation, 'And again?');
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({
    status: 'yield',
    code: 'yield',
    retry_hint_ms: expect.any(Number),
    detail:
      "The endpoint of 'gpu' gives 1 answers at a time, to all who ask together, and none is free for your tenant.",
  });
  const completion = await others.call(person, 'POST', '/v1/chat/completions', {
    model: `brain:${brain.brainId}`,
    messages: [{ role: 'user', content: 'And once more?' }],
  });
  expect(completion.status).toBe(503);
  expect(await completion.json()).toMatchObject({ status: 'yield', error: { code: 'yield' } });
  const turns = await search.db
    .selectFrom('turns')
    .selectAll()
    .where('conversation_id', '=', conversation.id)
    .execute();
  expect(turns).toHaveLength(1);
  const paid = await search.db
    .selectFrom('ledger')
    .select('tenant_id')
    .where('tenant_id', '=', brain.tenantId)
    .execute();
  expect(paid.length).toBeLessThanOrEqual(1);

  answers[0]?.();
  for await (const _ of events(first));
  const again = await others.ask(person, conversation, 'And again?');
  expect(again.status).toBe(200);
  await until(() => answers.length === 2);
  answers[1]?.();
  for await (const _ of events(again));
  const metrics = await (await fetch(`${others.url}/metrics`)).text();
  expect(metrics).toContain(`chat_model_yielded_total{endpoint="${model.url}"} 2\n`);
  expect(metrics).toContain(`chat_model_slots{endpoint="${model.url}"} 1\n`);
  // What the tier scales on: more of its replicas would not make the model answer more.
  expect(metrics).toContain('chat_yielded_total 0\n');
});

test('a replica has one connection for the slots of models and the meters of their accounts', async () => {
  const database = new URL(opened.services.redisUrl).pathname.slice(1) || '0';
  const clients = String(await redis.client('LIST')).split('\n');
  expect(clients.filter((line) => line.includes(` db=${database} `))).toHaveLength(2 + 1);
});

test('what one model of an endpoint holds is not free for another one there', async () => {
  const { chat, search, brainOf } = opened;
  const { brain, person } = await brainOf(['Refunds are paid within fourteen days of the return.']);
  const answers = hold();
  const ask = async (of: TestChat) => of.ask(person, await of.newConversation(person, brain), 'When are refunds paid?');
  const first = await ask(chat);
  await until(() => answers.length === 1);
  await search.db.updateTable('brains').set({ model: 'same' }).where('id', '=', brain.brainId).execute();
  const refused = await ask(others);
  expect([refused.status, (await refused.json()).detail]).toEqual([
    503,
    expect.stringMatching(/^The endpoint of 'same' gives 1 answers at a time/),
  ]);
  answers[0]?.();
  for await (const _ of events(first));
});

test('a fallback at the endpoint of the model that failed goes on in its slot', async () => {
  const { chat, search, brainOf } = opened;
  const { brain, person } = await brainOf(['Refunds are paid within fourteen days of the return.']);
  await search.db.updateTable('brains').set({ model: 'same' }).where('id', '=', brain.brainId).execute();
  model.behave(async (stream, request) => {
    if (request.model === 'same') return void stream.response.writeHead(500).end();
    stream.text('Refunds are paid [1].');
    stream.end();
  });
  const conversation = await chat.newConversation(person, brain);
  const all = await allEvents(await chat.ask(person, conversation, 'When are refunds paid?'));
  expect(all.at(-1)).toMatchObject({ event: 'done', data: { answerer: { name: 'gpu' } } });
});

test('a model without a bound is asked all the same', async () => {
  const { chat, search, brainOf } = opened;
  const { brain, person } = await brainOf(['Refunds are paid within fourteen days of the return.']);
  await search.db.updateTable('brains').set({ model: 'other' }).where('id', '=', brain.brainId).execute();
  const answers = hold();
  const ask = async (of: TestChat, by: Person) =>
    of.ask(by, await of.newConversation(by, brain), 'When are refunds paid?');
  const asked = await Promise.all([ask(chat, person), ask(others, person)]);
  expect(asked.map(({ status }) => status)).toEqual([200, 200]);
  await until(() => answers.length === 2);
  for (const answer of answers) answer();
  for (const stream of asked) for await (const _ of events(stream));
});

test('models at the endpoint of the governor are called through it, and no others', () => {
  const models = ['http://gpu:8000/v1', 'https://api.example.com/v1'].flatMap((url, index) =>
    configuredModels({
      MODELS: JSON.stringify([{ name: `m${index}`, url, contextTokens: 8000 }]),
      MODEL_API_KEYS: '',
      MODEL_URL: '',
      MODEL_NAME: '',
      MODELS_ALLOWED: '',
      MODEL_API_KEY: '',
    }),
  );
  const urls = (GOVERNOR_URL: string) =>
    throughGovernor(models, {
      GOVERNOR_URL,
      GOVERNOR_BACKEND_URL: 'http://gpu:8000/v1/chat/completions',
      GOVERNOR_TOKEN: '',
    }).map(({ url }) => url);
  expect(urls('http://governor:8008')).toEqual(['http://governor:8008/v1', 'https://api.example.com/v1']);
  expect(urls('')).toEqual(models.map(({ url }) => url));
});
