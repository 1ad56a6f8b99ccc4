/** How answers of a model end: whole, cut at its limit, or broken off; and how they are asked again, or go on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { checkRows } from '../../../../services/document-worker/verify/check-rows.ts';
import type { Conversation, Turn } from '../../../../services/shared/contract/chat.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import { allEvents, answerOf, type ChatUnderTest, events, openChat, type Person, until } from '../fixture.ts';
import { type ModelBehaviour, says } from './model-server.ts';

let open: ChatUnderTest;
let brain: TestBrain;
let person: Person;
let conversation: Conversation;
beforeAll(async () => {
  open = await openChat();
  ({ brain, person } = await open.brainOf(['Refunds are paid within fourteen days of the return.']));
});
beforeEach(async () => {
  await setLimit(null);
  conversation = await open.chat.newConversation(person, brain);
});
afterAll(() => open.close());

const question = 'How long do refunds take?';
const post = (input: object, key = '') =>
  open.chat.call(
    person,
    'POST',
    `/v1/chat/conversations/${conversation.id}/turns`,
    input,
    key ? { 'idempotency-key': key } : {},
  );
const ask = async (input: object = { question }) => (await allEvents(await post(input))).at(-1)?.data as Turn;
const refusal = async (input: object) => {
  const answer = await post(input);
  const { code, detail } = await answer.json();
  return [answer.status, code, detail];
};
const setLimit = (questions_per_day_max: number | null) =>
  brain &&
  open.search.db.updateTable('tenants').set({ questions_per_day_max }).where('id', '=', brain.tenantId).execute();
const questionsOf = (turn: Turn) =>
  open.services.query("select amount::int from ledger where turn_id = $1 and kind = 'question'", [turn.id]);

const isCut: ModelBehaviour = (stream) => {
  stream.text('Refunds are paid [1] within fourt');
  stream.end({ prompt_tokens: 100, completion_tokens: 9 }, 'length');
};
const hangsUp: ModelBehaviour = (stream) => {
  stream.text('Half an ');
  setTimeout(() => stream.response.destroy(), 100);
};
/** As a proxy that gives up does: a chunk, and an ordinary end of the body. */
const endsWithoutEnd: ModelBehaviour = (stream) => {
  stream.text('Half an ');
  stream.response.end();
};

test.each([
  ['stop', says('Fourteen days [1].')],
  [
    'stop',
    ((stream) => {
      stream.text('Fourteen days [1].');
      stream.end(undefined, 'eos');
    }) as ModelBehaviour,
  ],
  ['length', isCut],
  [
    'content_filter',
    ((stream) => {
      stream.text('Fourteen');
      stream.end(undefined, 'content_filter');
    }) as ModelBehaviour,
  ],
])('an answer that ends by `%s` says so: in its last event, when read again, in its row', async (reason, behaviour) => {
  open.model.behave(behaviour);
  const turn = await ask();
  expect(turn).toMatchObject({ status: 'done', finish_reason: reason, answered: true });
  expect(await open.chat.turn(person, turn.id)).toEqual(turn);
  expect(await open.services.query('select finish_reason from turns where id = $1', [turn.id])).toEqual([
    { finish_reason: reason },
  ]);
});

test.each([
  ['hangs up in mid-stream', hangsUp],
  ['ends its stream without the end of the answer', endsWithoutEnd],
])('a model that %s interrupts the turn; what arrived is kept and billed', async (_name, behaviour) => {
  open.model.behave(behaviour);
  const all = await allEvents(await post({ question }));
  expect(answerOf(all)).toBe('Half an ');
  expect(all.at(-1)).toMatchObject({
    event: 'done',
    data: { status: 'interrupted', finish_reason: null, answer: 'Half an ', error: null },
  });
  const billed = 'select kind, amount::int from ledger where turn_id = $1 order by kind';
  const [tokensIn, ...rest] = await open.services.query(billed, [all[0]?.data.id]);
  expect((tokensIn as { amount: number }).amount).toBeGreaterThan(50);
  expect(rest).toMatchObject([{ kind: 'model_tokens_out' }, { kind: 'question', amount: 1 }]);
  expect(open.model.requests).toHaveLength(1);
});

const textAndUsage = (content: string, completion_tokens: number, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason }], usage: { prompt_tokens: 100, completion_tokens } })}\n\n`;

test.each<[string, ModelBehaviour, object]>([
  [
    'counts beside each text, as Google does, is taken at its word',
    ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(textAndUsage('x'.repeat(400), 100));
      response.end(`${textAndUsage('y'.repeat(400), 200, 'stop')}data: [DONE]\n\n`);
    },
    { tokens_in: 100, tokens_out: 200 },
  ],
  [
    'says 0 of what it wrote is estimated',
    (stream) => {
      stream.text('x'.repeat(400));
      stream.end({ prompt_tokens: 0, completion_tokens: 0 });
    },
    { tokens_out: 100 },
  ],
])('a model that %s', async (_what, behaviour, usage) => {
  open.model.behave(behaviour);
  const turn = await ask();
  expect(turn.usage).toMatchObject(usage);
  expect(turn.usage?.tokens_in).toBeGreaterThan(50);
});

test('a model that never ends is cut at its limit, and its connection closed', async () => {
  let isGone = false;
  open.model.behave(async (stream) => {
    while (!stream.gone) {
      stream.text('word '.repeat(200));
      await new Promise(setImmediate);
    }
    isGone = true;
  });
  const turn = await ask();
  expect(turn).toMatchObject({ status: 'done', finish_reason: 'length' });
  const { max_tokens: tokensMax } = open.model.requests[0] as unknown as { max_tokens: number };
  expect(turn.answer).toHaveLength(8 * tokensMax);
  await until(() => isGone);
});

test('completions say `length`, and never `stop` of an answer that broke off', async () => {
  const body = { model: `brain:${brain.brainId}`, messages: [{ role: 'user', content: question }] };
  const complete = (more: object) => open.chat.call(person, 'POST', '/v1/chat/completions', { ...body, ...more });
  open.model.behave(isCut);
  expect(await (await complete({})).json()).toMatchObject({ choices: [{ finish_reason: 'length' }] });
  const streamed = await allEvents(await complete({ stream: true }));
  expect(streamed.at(-2)?.data.choices[0].finish_reason).toBe('length');
  open.model.behave(endsWithoutEnd);
  const whole = await complete({});
  expect([whole.status, (await whole.json()).error.code]).toEqual([502, 'model-failed']);
  const broken = await allEvents(await complete({ stream: true }));
  expect(broken.at(-1)?.data.error.message).toMatch(/^'test-model' was cut off: its stream ended without/);
});

test('a lost turn is asked again without a second question against the limit, once', async () => {
  await setLimit(1);
  // Other tests asked today.
  await open.services.query("update ledger set created_at = now() - interval '2 days' where tenant_id = $1", [
    brain.tenantId,
  ]);
  open.model.behave(hangsUp);
  const lost = await ask();
  const retry = { retry_of: lost.id };
  const again = await ask(retry);
  expect(again).toMatchObject({ status: 'interrupted', question, retry_of: lost.id });
  // What broke off is no context of the same question.
  expect(open.model.requests[1]?.messages).toHaveLength(2);
  expect([await questionsOf(lost), await questionsOf(again)]).toEqual([[{ amount: 1 }], []]);
  expect(await refusal(retry)).toEqual([
    409,
    'conflict',
    'The turn was asked again before. Retry the newer one, or ask its question as a new one.',
  ]);
  // Whoever breaks off each answer does not ask for nothing all day.
  expect((await refusal({ retry_of: again.id }))[1]).toBe('quota');
  await setLimit(2);
  open.model.behave(says('Fourteen days [1].'));
  const third = await ask({ retry_of: again.id });
  expect([third.answer, await questionsOf(third)]).toEqual(['Fourteen days [1].', [{ amount: 1 }]]);
  expect((await refusal({ retry_of: third.id }))[2]).toBe(
    "The turn is 'done', asked again are 'interrupted' and 'failed'. Ask its question as a new one.",
  );
  const found = await checkRows(open.search.db);
  expect(found.filter(({ subject }) => [lost, again, third].some(({ id }) => id === subject))).toEqual([]);
});

test('of many who ask a lost turn again at once, one does', async () => {
  open.model.behave(hangsUp);
  const lost = await ask();
  open.model.behave(says('Fourteen days [1].'));
  const answers = await Promise.all([1, 2, 3, 4].map(() => post({ retry_of: lost.id })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
  await Promise.all(answers.map((answer) => answer.text()));
  // The same key is the same turn, also for a retry.
  open.model.behave(hangsUp);
  const other = await ask();
  open.model.behave(says('Fourteen days [1].'));
  const [first, second] = await Promise.all([1, 2].map(() => post({ retry_of: other.id }, `key-${other.id}`)));
  const ids = [];
  for await (const { data } of events(first as Response)) ids.push(data.id);
  for await (const { data } of events(second as Response)) ids.push(data.id);
  expect(new Set(ids.filter(Boolean)).size).toBe(1);
  expect(open.model.requests).toHaveLength(1);
});

test('a cut answer goes on: its model reads what it wrote, and is asked to repeat nothing', async () => {
  open.model.behave(isCut);
  const cut = await ask();
  open.model.behave(says('een days.'));
  const rest = await ask({ continues: cut.id });
  expect(rest).toMatchObject({ question, continues: cut.id, answer: 'een days.', answered: true, citations: [] });
  const [, user, assistant, last, ...more] = open.model.requests[0]?.messages ?? [];
  expect(more).toEqual([]);
  expect(user?.content).toContain(`Question: ${question}`);
  expect(assistant).toEqual({ role: 'assistant', content: 'Refunds are paid within fourt' });
  expect(last).toMatchObject({ role: 'user', content: expect.stringContaining('exactly where it stops') });
  expect(await questionsOf(rest)).toEqual([{ amount: 1 }]);
  expect((await refusal({ continues: rest.id }))[2]).toBe(
    'Only an answer whose finish_reason is `length` goes on. Ask a new question.',
  );
});

test('a turn of another conversation is neither asked again nor gone on with; one of three is given', async () => {
  open.model.behave(hangsUp);
  const lost = await ask();
  conversation = await open.chat.newConversation(person, brain);
  expect((await refusal({ retry_of: lost.id }))[0]).toBe(404);
  expect((await refusal({ continues: lost.id }))[0]).toBe(404);
  for (const input of [{}, { question, retry_of: lost.id }])
    expect(await refusal(input)).toEqual([400, 'bad-request', expect.stringContaining("give one of 'question'")]);
});

test('who leaves while a refused question waits for its next try pays for none', async () => {
  open.model.behave(({ response }) => void response.writeHead(429, { 'retry-after': '2' }).end('{}'));
  let turnId = '';
  for await (const { event, data } of events(await post({ question }))) {
    if (event === 'turn') turnId = data.id;
    if (event !== 'found') continue;
    while (open.model.requests.length === 0) await sleep(5);
    await sleep(100);
    await open.chat.call(person, 'POST', `/v1/chat/turns/${turnId}:stop`);
  }
  const kinds = await open.search.db.selectFrom('ledger').select('kind').where('turn_id', '=', turnId).execute();
  expect(kinds.map(({ kind }) => kind)).toEqual(['question']);
});
