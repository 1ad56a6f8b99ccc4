import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSweeper } from '../../../../services/chat/turns/sweeper.ts';
import type { Conversation } from '../../../../services/shared/contract/chat.ts';
import type { TestServices } from '../../../support/stores.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import {
  allEvents,
  answerOf,
  type ChatUnderTest,
  events,
  openChat,
  type Person,
  type StreamedEvent,
  startChat,
  type TestChat,
  type TestSearch,
} from '../fixture.ts';
import { type ModelServer, says, trickles } from '../models/model-server.ts';

let opened: ChatUnderTest;
let services: TestServices;
let search: TestSearch;
let model: ModelServer;
let chat: TestChat;
let other: TestChat;
let brain: TestBrain;
let person: Person;
let conversation: Conversation;
beforeAll(async () => {
  // Who comes back comes in time, however busy the machine.
  opened = await openChat({ slots: 4, reconnectGraceMs: 120_000 });
  ({ services, search, model, chat } = opened);
  other = await opened.another();
  ({ brain, person } = await opened.brainOf([
    'Annual leave is twenty five days.',
    'Late payment costs eight percent.',
  ]));
  conversation = await chat.newConversation(person, brain);
});
afterAll(() => opened.close());

/** Reads until `enough` tokens came, then hangs up. */
async function readSome(answer: Response, enough: number, hangUp: AbortController): Promise<StreamedEvent[]> {
  const some: StreamedEvent[] = [];
  for await (const event of events(answer)) {
    some.push(event);
    if (some.filter((given) => given.event === 'token').length === enough) break;
  }
  hangUp.abort();
  return some;
}
const turnIdOf = (all: readonly StreamedEvent[]) => all[0]?.data.id as string;

test.each([
  ['the same replica', () => chat],
  ['another replica', () => other],
])(
  'a client that lost its line resumes on %s without a gap or a repeat, and the model is asked once',
  async (_name, replica) => {
    model.behave(trickles(20, 50));
    const hangUp = new AbortController();
    const before = await readSome(await chat.ask(person, conversation, 'leave?', {}, hangUp.signal), 3, hangUp);
    const after = await allEvents(await replica().resume(person, turnIdOf(before), before.at(-1)?.id ?? 0));
    const all = [...before, ...after];
    expect(all.map(({ id }) => id)).toEqual(all.map((_event, index) => index + 1));
    expect(answerOf(all)).toBe(Array.from({ length: 20 }, (_word, index) => `word${index + 1} `).join(''));
    expect(all.at(-1)).toMatchObject({ event: 'done', data: { status: 'done' } });
    expect(model.requests).toHaveLength(1);
  },
);

test('a finished turn can be read again from anywhere', async () => {
  model.behave(says('It is ', 'twenty five days [1].'));
  const all = await allEvents(await chat.ask(person, conversation, 'How many days of annual leave?'));
  expect(await allEvents(await other.resume(person, turnIdOf(all), 0))).toEqual(all);
  expect(await allEvents(await chat.resume(person, turnIdOf(all), 2))).toEqual(all.slice(2));
  expect(await allEvents(await chat.resume(person, turnIdOf(all), all.length))).toEqual([]);
});

test('a client that does not come back ends the model call; what arrived is kept and paid for', async () => {
  let hungUp = false;
  model.behave(async (stream) => {
    for (let at = 0; !stream.gone; at++) {
      stream.text(`word${at} `);
      await sleep(20);
    }
    hungUp = true;
  });
  const impatient = await startChat(services, search, { modelUrl: model.url, reconnectGraceMs: 100 });
  const hangUp = new AbortController();
  const some = await readSome(await impatient.ask(person, conversation, 'leave?', {}, hangUp.signal), 2, hangUp);
  await ended(turnIdOf(some));
  while (!hungUp) await sleep(10);
  await impatient.close();
  const turn = await chat.turn(person, turnIdOf(some));
  expect(turn).toMatchObject({ status: 'interrupted', answered: null, error: null });
  expect(turn.answer).toMatch(/^word0 word1 /);
  const paid = await ledgerOf(turn.id);
  expect(paid.question).toBe(1);
  expect(paid.model_tokens_in).toBeGreaterThan(50);
  expect(paid.model_tokens_out).toBe(turn.usage?.tokens_out);
  expect(paid.model_tokens_out).toBeGreaterThan(0);
  // Nobody got it.
  expect(paid.wasted_tokens).toBe(Number(paid.model_tokens_in) + Number(paid.model_tokens_out));
});

test.each([
  ['the same replica', () => chat],
  ['another replica', () => other],
])('stop works from %s; what arrived is kept', async (_name, replica) => {
  model.behave(trickles(1000, 20));
  const stream = events(await chat.ask(person, conversation, 'leave?'));
  const all: StreamedEvent[] = [];
  for await (const event of stream) {
    all.push(event);
    if (event.event === 'token' && all.length === 4) {
      const answer = await replica().call(person, 'POST', `/v1/chat/turns/${turnIdOf(all)}:stop`);
      expect([answer.status, (await answer.json()).status]).toEqual([202, 'streaming']);
    }
  }
  expect(all.at(-1)).toMatchObject({ event: 'done', data: { status: 'stopped', answer: answerOf(all) } });
  const again = await chat.call(person, 'POST', `/v1/chat/turns/${turnIdOf(all)}:stop`);
  expect([again.status, (await again.json()).status]).toEqual([202, 'stopped']);
});

test('a tenant that floods leaves room for others; a full replica yields at once, and has room again', async () => {
  model.behave(trickles(1000, 20));
  // One more than four slots, of which a lone tenant gets three.
  const flood = await Promise.all([1, 2, 3, 4, 5].map(() => chat.ask(person, conversation, 'leave?')));
  const asked = flood.filter(({ status }) => status === 200);
  expect(asked).toHaveLength(3);
  expect(await flood.find(({ status }) => status === 503)?.json()).toMatchObject({
    code: 'yield',
    detail: 'Your tenant has 3 of the 4 answers that this replica gives at a time; the rest is kept for others.',
  });
  const quietBrain = await search.newBrain();
  const quiet = await search.newPerson(quietBrain.tenantId);
  const quietly = await chat.ask(quiet, await chat.newConversation(quiet, quietBrain), 'leave?');
  expect(quietly.status).toBe(200);
  const { value: theirs } = await events(quietly).next();
  const refused = await chat.ask(person, conversation, 'one more?');
  const problem = await refused.json();
  expect(refused.status).toBe(503);
  expect(problem).toMatchObject({
    status: 'yield',
    code: 'yield',
    detail: 'All 4 answers that this replica gives at a time are under way.',
  });
  expect(problem.retry_hint_ms).toBeGreaterThanOrEqual(50);
  expect(refused.headers.get('retry-after')).toBe(String(Math.ceil(problem.retry_hint_ms / 1000)));
  expect(refused.headers.get('retry-after-ms')).toBe(String(problem.retry_hint_ms));
  await chat.call(quiet, 'POST', `/v1/chat/turns/${theirs?.data.id}:stop`);
  await ended(theirs?.data.id);
  const { rows } = {
    rows: await search.db.selectFrom('turns').select('id').where('question', '=', 'one more?').execute(),
  };
  expect(rows).toEqual([]);
  for (const answer of asked) {
    const stream = events(answer);
    const { value } = await stream.next();
    await chat.call(person, 'POST', `/v1/chat/turns/${value?.data.id}:stop`);
    for await (const _event of stream);
  }
  model.behave(says('Room again.'));
  expect(answerOf(await allEvents(await chat.ask(person, conversation, 'one more?')))).toBe('Room again.');
  // The slot is given back just after the last event was told.
  while (!/chat_inflight 0\n/.test(await (await chat.call(person, 'GET', '/metrics')).text())) await sleep(20);
});

test('a turn of a lost replica is ended as interrupted, and its readers are told', async () => {
  model.behave(trickles(10, 20));
  const id = '0199c0de-0000-7000-8000-00000000000a';
  const lease = new Date(Date.now() + 60_000);
  const turn = {
    id,
    tenant_id: brain.tenantId,
    conversation_id: conversation.id,
    question: 'lost?',
    status: 'streaming',
  };
  await search.db
    .insertInto('turns')
    .values({
      ...turn,
      answerer_kind: 'model',
      answerer_name: 'm',
      replica: 'gone',
      lease_until: lease,
      usage: JSON.stringify({ tokens_in: 70, tokens_out: 0, cost_usd: 0, passages: 2 }),
    })
    .execute();
  const token = (place: number, text: string) => ({
    turn_id: id,
    place,
    event: 'token',
    data: JSON.stringify({ text }),
  });
  await search.db
    .insertInto('turn_events')
    .values([token(1, 'What '), token(2, 'arrived')])
    .execute();
  expect((await chat.turn(person, id)).answer).toBe('What arrived');

  const reading = allEvents(await chat.resume(person, id, 1));
  const sweeper = createSweeper(search.db, (name) => ({ name, price: { in: 1, out: 10 } }), services.log);
  await sweeper.sweep();
  expect((await chat.turn(person, id)).status).toBe('streaming');
  await search.db
    .updateTable('turns')
    .set({ lease_until: new Date(0) })
    .where('id', '=', id)
    .execute();
  await Promise.all([sweeper.sweep(), sweeper.sweep()]);
  sweeper.close();
  const [second, last, ...more] = await reading;
  expect([second?.data.text, last?.event, last?.data.status, last?.data.answer, more]).toEqual([
    'arrived',
    'done',
    'interrupted',
    'What arrived',
    [],
  ]);
  expect(await ledgerOf(id)).toEqual({ model_tokens_in: 70, model_tokens_out: 3 });
  expect((await chat.turn(person, id)).usage?.cost_usd).toBe(0.0001);
  expect(model.requests).toHaveLength(0);
});

test('a conversation deleted in mid-answer ends the model call and the stream', async () => {
  let hungUp = false;
  model.behave(async (stream) => {
    while (!stream.gone) {
      stream.text('word ');
      await sleep(20);
    }
    hungUp = true;
  });
  const own = await chat.newConversation(person, brain);
  const stream = events(await chat.ask(person, own, 'leave?'));
  for await (const { event } of stream)
    if (event === 'token') {
      await chat.call(person, 'DELETE', `/v1/chat/conversations/${own.id}`);
      break;
    }
  while (!hungUp) await sleep(10);
});

test('100 slow answers in flight, and the other routes answer', async () => {
  // A lone tenant gets 100 of them.
  const wide = await startChat(services, search, { modelUrl: model.url, slots: 115 });
  try {
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    model.behave(async (stream) => {
      stream.text('slow ');
      await held;
      stream.text('answer');
      stream.end();
    });
    const asked = await Promise.all(Array.from({ length: 100 }, () => wide.ask(person, conversation, 'leave?')));
    const reading = asked.map(allEvents);
    while (model.requests.length < 100) await sleep(10);
    expect((await wide.ask(person, conversation, 'leave?')).status).toBe(503);
    for (const path of ['/livez', '/readyz', '/v1/models', `/v1/chat/conversations/${conversation.id}/turns?limit=5`])
      expect([path, (await wide.call(person, 'GET', path)).status]).toEqual([path, 200]);
    release();
    for (const all of await Promise.all(reading)) expect(answerOf(all)).toBe('slow answer');
  } finally {
    await wide.close();
  }
});

test.each([
  [20, 'done'],
  [1000, 'interrupted'],
])('a replica that drains gives answers time to end: %i words end as %s', async (words, status) => {
  const leaving = await startChat(services, search, { modelUrl: model.url });
  model.behave(trickles(words, 20));
  const asked = await leaving.ask(person, conversation, 'leave?');
  const reading = allEvents(asked);
  while (model.requests.length === 0) await sleep(10);
  const closed = leaving.close();
  const all = await reading;
  expect(all.at(-1)).toMatchObject({ event: 'done', data: { status, answer: answerOf(all) } });
  await closed;
});

async function ended(turnId: string): Promise<void> {
  const status = async () =>
    (await search.db.selectFrom('turns').select('status').where('id', '=', turnId).executeTakeFirst())?.status;
  while ((await status()) === 'streaming') await sleep(20);
}

async function ledgerOf(turnId: string): Promise<Record<string, number>> {
  const rows = await search.db.selectFrom('ledger').select(['kind', 'amount']).where('turn_id', '=', turnId).execute();
  return Object.fromEntries(rows.map(({ kind, amount }) => [kind, amount]));
}
