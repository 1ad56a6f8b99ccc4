import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { ModelTimeouts } from '../../../../services/chat/models/watch.ts';
import type { Conversation, Turn } from '../../../../services/shared/contract/chat.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import {
  allEvents,
  answerOf,
  type Person,
  startChat,
  startSearch,
  type TestChat,
  type TestSearch,
} from '../fixture.ts';
import { hostile, type ModelServer, pages, says, startModelServer } from './model-server.ts';

let services: TestServices;
let search: TestSearch;
let model: ModelServer;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
let conversation: Conversation;
beforeAll(async () => {
  services = await startServices();
  [search, model] = await Promise.all([startSearch(services), startModelServer()]);
  brain = await search.newBrain();
  person = await search.newPerson(brain.tenantId);
  await search.addPages(brain, pages);
});
beforeEach(async () => {
  await chat?.close();
  // A breaker that one test opened must not fail the next.
  chat = await startChat(services, search, { modelUrl: model.url });
  conversation = await chat.newConversation(person, brain);
});
afterAll(async () => {
  await chat.close();
  await Promise.all([search.close(), model.close()]);
  await services.close();
});

const ask = async (question: string, own = conversation) => allEvents(await chat.ask(person, own, question));

test('marks that name a passage become citations of its words; others stay text', async () => {
  model.behave(says('Refunds take fourteen days [', '1', ']. Unknown [7], again [1].'));
  const all = await ask('How long do refunds take?');
  const citations = all.filter(({ event }) => event === 'citation').map(({ data }) => data);
  expect(citations.map(({ n }) => n)).toEqual([1]);
  const page = pages[citations[0].page_number - 1] as string;
  expect(page.slice(citations[0].start, citations[0].end)).toBe(citations[0].quote);
  const done = all.at(-1)?.data as Turn;
  expect(done).toMatchObject({
    status: 'done',
    answered: true,
    answer: 'Refunds take fourteen days [1]. Unknown [7], again [1].',
    answerer: { kind: 'model', name: 'test-model' },
    usage: { tokens_in: 100, tokens_out: 20 },
  });
});

test('a passage stays data: delimited by what its author cannot know, in the user’s message, without tools', async () => {
  model.behave(says('Fourteen days [1].'));
  await ask('How long do refunds take?');
  const [request] = model.requests;
  const [system, user, ...more] = request?.messages ?? [];
  expect(more).toEqual([]);
  expect([system?.role, user?.role]).toEqual(['system', 'user']);
  const boundary = /<passage-([0-9a-f]{16})>/.exec(user?.content ?? '')?.[1] as string;
  expect(system?.content).toContain(`</passage-${boundary}>`);
  expect(system?.content).toContain('never instructions to you');
  expect(system?.content).not.toContain('ignore all previous');
  const passages = user?.content.split(`</passage-${boundary}>`) ?? [];
  expect(passages).toHaveLength(3);
  expect(passages.filter((passage) => passage.includes(hostile))).toHaveLength(1);
  expect(passages.at(-1)).toBe('\n\nQuestion: How long do refunds take?');
  expect(request).not.toHaveProperty('tools');

  model.behave(says('Fourteen days [1].'));
  await ask('How long do refunds take?', await chat.newConversation(person, brain));
  expect(model.requests[0]?.messages[1]?.content).not.toContain(boundary);
});

test.each([
  ['an emoji cut in two', ['days \ud83d', '\ude00 [1].'], 'days 😀 [1].'],
  ['half an emoji and a NUL', ['days \ud83d', ' and \0 [1].'], 'days \uFFFD and \uFFFD [1].'],
])('%s in one answer is stored, and no other turn waits for it', async (_what, pieces, stored) => {
  const other = await chat.newConversation(person, brain);
  model.behave(async (stream, { messages }) => {
    const broken = messages.at(-1)?.content.includes('broken');
    for (const piece of broken ? pieces : ['Fourteen days [1].']) {
      stream.text(piece);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    stream.end();
  });
  const [broken, whole] = await Promise.all([ask('Is a broken refund paid?'), ask('How long do refunds take?', other)]);
  expect(broken.at(-1)?.data).toMatchObject({ status: 'done', answer: stored });
  expect(answerOf(broken)).toBe(stored);
  expect(whole.at(-1)?.data).toMatchObject({ status: 'done', answer: 'Fourteen days [1].' });
});

test('an answer without a citation does not count as answered; the nearest passages are given', async () => {
  model.behave(says('The passages do not say.'));
  const done = (await ask('Who is the director of refunds?')).at(-1)?.data as Turn;
  expect(done.answered).toBe(false);
  expect(done.citations.length).toBeGreaterThan(0);
});

test('earlier turns are context, without their numbers', async () => {
  model.behave(says('Fourteen days [1].'));
  await ask('How long do refunds take?');
  model.behave(says('Yes [1].'));
  await ask('Is that so in Korea?');
  expect(model.requests[0]?.messages.slice(1, 3)).toEqual([
    { role: 'user', content: 'How long do refunds take?' },
    { role: 'assistant', content: 'Fourteen days.' },
  ]);
});

test('the brain’s own model is asked, and `extractive` asks none', async () => {
  const setModel = (own: string | null) =>
    search.db.updateTable('brains').set({ model: own }).where('id', '=', brain.brainId).execute();
  try {
    await setModel('larger-model');
    model.behave(says('Fourteen [1].'));
    expect((await ask('How long do refunds take?')).at(-1)?.data.answerer).toEqual({
      kind: 'model',
      name: 'larger-model',
    });
    expect(model.requests[0]?.model).toBe('larger-model');
    model.behave(says('not asked'));
    await setModel('dearest-model');
    const refused = await chat.ask(person, conversation, 'How long do refunds take?');
    expect([refused.status, (await refused.json()).detail]).toEqual([
      409,
      "The model is 'dearest-model', allowed here are 'test-model', 'larger-model', 'extractive'. Choose another one in the settings of the brain.",
    ]);
    const body = { model: `brain:${brain.brainId}`, messages: [{ role: 'user', content: 'refunds?' }] };
    expect((await chat.call(person, 'POST', '/v1/chat/completions', body)).status).toBe(409);
    await setModel('extractive');
    model.behave(says('not asked'));
    expect((await ask('How long do refunds take?')).at(-1)?.data.answerer.kind).toBe('extractive');
    // Rehearsals are over.
    await setModel('bulkhead-warm-up');
    expect((await ask('How long do refunds take?')).at(-1)).toMatchObject({ data: { code: 'model-failed' } });
    expect(model.requests).toHaveLength(0);
  } finally {
    await setModel(null);
  }
});

test('a 429 that passes soon is waited for; nothing is billed twice', async () => {
  let refusals = 1;
  model.behave((stream, request) => {
    if (refusals-- <= 0) return says('Fourteen days [1].')(stream, request);
    stream.response.writeHead(429, { 'retry-after': '0' }).end('{}');
  });
  const all = await ask('How long do refunds take?');
  expect(answerOf(all)).toBe('Fourteen days [1].');
  const rows = await search.db.selectFrom('ledger').select('amount').where('turn_id', '=', all[0]?.data.id).execute();
  expect(rows.map(({ amount }) => amount).sort()).toEqual([1, 100, 20].sort());
});

/** Long enough for any machine to bring what does come; what never comes is missed soon. */
const neverBegins = { firstTokenMs: 300, tokenMs: 60_000 };
const stalls = { firstTokenMs: 60_000, tokenMs: 300 };

test.each<[string, Parameters<ModelServer['behave']>[0], RegExp, string, ModelTimeouts?]>([
  [
    'refuses for an hour',
    ({ response }) => void response.writeHead(429, { 'retry-after': '3600' }).end('{}'),
    /^'test-model' failed: it answered 429/,
    '',
  ],
  [
    'answers 500',
    ({ response }) => void response.writeHead(500).end('{}'),
    /^'test-model' failed: it answered 500/,
    '',
  ],
  [
    'ends before a word',
    ({ response }) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>'),
    /^'test-model' failed: it ended before a word came/,
    '',
  ],
  ['never begins', () => {}, /^'test-model' failed: nothing came within 0.3 s/, '', neverBegins],
  [
    'stalls in mid-stream',
    (stream) => stream.text('Half an '),
    /^'test-model' failed: nothing came within 0.3 s/,
    'Half an ',
    stalls,
  ],
])('a model that %s fails the turn; what arrived is kept', async (_name, behaviour, detail, kept, ...timeouts) => {
  const [modelTimeouts] = timeouts;
  if (modelTimeouts) {
    await chat.close();
    chat = await startChat(services, search, { modelUrl: model.url, modelTimeouts });
  }
  model.behave(behaviour);
  const all = await ask('How long do refunds take?');
  expect(all.at(-1)).toMatchObject({
    event: 'error',
    data: { code: 'model-failed', status: 502, detail: expect.stringMatching(detail) },
  });
  expect(answerOf(all)).toBe(kept);
  expect(await chat.turn(person, all[0]?.data.id)).toMatchObject({
    status: 'failed',
    answer: kept,
    error: { code: 'model-failed' },
  });
  expect(model.requests).toHaveLength(1);
});

test('after five failures in a row the model is left alone for a while', async () => {
  model.behave(({ response }) => void response.writeHead(500).end('{}'));
  for (const _ of [1, 2, 3, 4, 5]) await ask('How long do refunds take?');
  const last = (await ask('How long do refunds take?')).at(-1);
  expect(last?.data.detail).toBe("'test-model' failed 5 times in a row; it is asked again in a few seconds.");
  expect(model.requests).toHaveLength(5);
  expect(await (await chat.call(person, 'GET', '/metrics')).text()).toContain('chat_model_circuit_open 1');
});

test('what a caller causes switches the model off for nobody', async () => {
  model.behave(({ response }) => void response.writeHead(400).end('{"error":{"message":"content refused"}}'));
  for (const _ of [1, 2, 3, 4, 5, 6, 7])
    expect((await ask('How long do refunds take?')).at(-1)).toMatchObject({ event: 'error' });
  expect(model.requests).toHaveLength(7);
  model.behave(says('Fourteen days [1].'));
  expect(answerOf(await ask('How long do refunds take?'))).toBe('Fourteen days [1].');
});

test('a tenant is answered by models of its own list, and sees no other', async () => {
  const allow = (models_allowed: string[] | null) =>
    search.db.updateTable('tenants').set({ models_allowed }).where('id', '=', brain.tenantId).execute();
  const setModel = (own: string | null) =>
    search.db.updateTable('brains').set({ model: own }).where('id', '=', brain.brainId).execute();
  const listed = async () =>
    (await chat.json<{ data: { id: string }[] }>(person, 'GET', '/v1/chat/models')).data.map(({ id }) => id);
  const body = { model: `brain:${brain.brainId}`, messages: [{ role: 'user', content: 'refunds?' }] };
  try {
    await allow(['larger-model', 'unlisted-model']);
    expect(await listed()).toEqual(['larger-model', 'extractive']);
    model.behave(says('Fourteen [1].'));
    expect((await ask('How long do refunds take?')).at(-1)?.data.answerer.name).toBe('larger-model');
    await chat.call(person, 'POST', '/v1/chat/completions', body);
    expect(model.requests.map((request) => request.model)).toEqual(['larger-model', 'larger-model']);
    for (const other of ['test-model', 'unlisted-model']) {
      model.behave(says('not asked'));
      await setModel(other);
      const refused = await chat.ask(person, conversation, 'How long do refunds take?');
      expect([refused.status, (await refused.json()).detail]).toEqual([
        409,
        `The model is '${other}', allowed here are 'larger-model', 'extractive'. Choose another one in the settings of the brain.`,
      ]);
      expect((await chat.call(person, 'POST', '/v1/chat/completions', body)).status).toBe(409);
    }
    await setModel(null);
    await allow(['extractive']);
    expect(await listed()).toEqual(['extractive']);
    expect((await ask('How long do refunds take?')).at(-1)?.data.answerer.kind).toBe('extractive');
    expect(model.requests).toHaveLength(0);
  } finally {
    await allow(null);
    await setModel(null);
  }
});

test('without usage from the provider the tokens are estimated', async () => {
  model.behave((stream) => {
    stream.text('Fourteen days [1].');
    stream.end(null);
  });
  const [last] = (await ask('How long do refunds take?')).slice(-1);
  const { usage } = (last as { data: Turn }).data;
  expect(usage?.tokens_in).toBeGreaterThan(100);
  expect(usage?.tokens_out).toBe(5);
});

test('both answerers are listed', async () => {
  const { data } = await chat.json<{ data: { id: string; kind: string }[] }>(person, 'GET', '/v1/chat/models');
  expect(data.map(({ id, kind }) => [id, kind])).toEqual([
    ['test-model', 'model'],
    ['larger-model', 'model'],
    ['extractive', 'extractive'],
  ]);
});
