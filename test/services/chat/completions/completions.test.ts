import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import { allEvents, type ChatUnderTest, openChat, type Person, type TestChat, type TestSearch } from '../fixture.ts';
import { type ModelServer, says, trickles } from '../models/model-server.ts';

const pages = ['Refunds are paid within fourteen days of the return.'];

let opened: ChatUnderTest;
let search: TestSearch;
let model: ModelServer;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
beforeAll(async () => {
  opened = await openChat();
  ({ search, model, chat } = opened);
  ({ brain, person } = await opened.brainOf(pages));
});
afterAll(() => opened.close());

test('OpenAI’s completions, whole and streamed', async () => {
  model.behave(says('Fourteen ', 'days [1].'));
  const body = {
    model: `brain:${brain.brainId}`,
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'How long do refunds take?' }] },
    ],
  };
  const whole = await chat.json<{ choices: { message: { content: string; citations: unknown[] } }[]; usage: object }>(
    person,
    'POST',
    '/v1/chat/completions',
    body,
  );
  expect(whole).toMatchObject({
    object: 'chat.completion',
    choices: [
      { message: { role: 'assistant', content: 'Fourteen days [1].', citations: [{ n: 1 }] }, finish_reason: 'stop' },
    ],
    usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
  });
  expect(model.requests[0]?.messages[0]?.content).toContain('The application that asks adds: Be brief.');

  const streamed = await allEvents(
    await chat.call(person, 'POST', '/v1/chat/completions', {
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    }),
  );
  const chunks = streamed.slice(0, -1).map(({ data }) => data);
  expect(streamed.at(-1)?.data).toBe('[DONE]');
  expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('Fourteen days [1].');
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 120 } });
  const paid = await search.db
    .selectFrom('ledger')
    .select('kind')
    .where('turn_id', 'is', null)
    .where('tenant_id', '=', brain.tenantId)
    .execute();
  expect(paid).toHaveLength(6);
});

test('a caller that leaves a streamed completion leaves waste in the ledger, and none that hears its end', async () => {
  const { brain: own, person: reader } = await opened.brainOf(pages);
  const body = { model: `brain:${own.brainId}`, stream: true, messages: [{ role: 'user', content: 'Refunds?' }] };
  const sums = async () => {
    const rows = await search.db
      .selectFrom('ledger')
      .select(({ fn }) => ['kind', fn.sum<number>('amount').as('sum')])
      .where('tenant_id', '=', own.tenantId)
      .groupBy('kind')
      .execute();
    return Object.fromEntries(rows.map(({ kind, sum }) => [kind, Number(sum)]));
  };
  model.behave(says('Fourteen days [1].'));
  await allEvents(await chat.call(reader, 'POST', '/v1/chat/completions', body));
  expect((await sums()).wasted_tokens).toBeUndefined();
  const before = await sums();
  model.behave(trickles(10_000, 10));
  const leaves = new AbortController();
  const answer = await chat.call(reader, 'POST', '/v1/chat/completions', body, {}, leaves.signal);
  const reading = answer.body
    ?.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  while (!(await reading?.read())?.value?.includes('word3'));
  leaves.abort();
  let after = await sums();
  for (const end = Date.now() + 60_000; after.wasted_tokens === undefined && Date.now() < end; after = await sums())
    await sleep(50);
  const used = ['model_tokens_in', 'model_tokens_out'].map((kind) => Number(after[kind]) - Number(before[kind]));
  expect(used[0]).toBeGreaterThan(0);
  expect(after.wasted_tokens).toBe(used.reduce((sum, tokens) => sum + tokens, 0));
  expect(
    await search.db.selectFrom('reservations').select('id').where('tenant_id', '=', own.tenantId).execute(),
  ).toEqual([]);
  expect(await (await chat.call(reader, 'GET', '/metrics')).text()).toContain(
    `chat_tokens_wasted_total ${after.wasted_tokens}`,
  );
}, 120_000);

test.each([
  [
    { model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] },
    404,
    "The model is 'gpt-4o', allowed is 'brain:' and the id of a brain.",
  ],
  [
    { messages: [{ role: 'assistant', content: 'x' }] },
    400,
    "The last message must be the question, with the role 'user' and a text.",
  ],
  [{ messages: [{ role: 'user', content: 7 }] }, 400, 'messages[0].content must be a text, or parts with a text.'],
  [
    {
      messages: [
        { role: 'system', content: 'x'.repeat(8001) },
        { role: 'user', content: 'x' },
      ],
    },
    400,
    'The system messages together have 8001 characters, about 2001 tokens; allowed are 8000 and 3000. Send less.',
  ],
  [
    {
      messages: [
        { role: 'developer', content: '가'.repeat(6000) },
        { role: 'user', content: 'x' },
      ],
    },
    400,
    'The system messages together have 6000 characters, about 4000 tokens; allowed are 8000 and 3000. Send less.',
  ],
  [
    {
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: 'y'.repeat(200_000) },
        { role: 'user', content: 'x' },
      ],
    },
    400,
    'The messages before the question have 200001 characters, about 50001 tokens; allowed are 200000 and 60000. Send less.',
  ],
])('a completion that cannot be answered says why: %.80j', async (body, status, detail) => {
  const answer = await chat.call(person, 'POST', '/v1/chat/completions', { model: `brain:${brain.brainId}`, ...body });
  expect([answer.status, (await answer.json()).error.message]).toEqual([status, detail]);
});
