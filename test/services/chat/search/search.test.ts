import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import { type ChatUnderTest, openChat, type Person, type TestChat, type TestSearch } from '../fixture.ts';

const pages = [
  'Refunds are paid within fourteen days of the return.',
  'Parcels leave the warehouse on the next working day.',
  '환불은 반품 후 십사 일 이내에 지급됩니다.',
];

let opened: ChatUnderTest;
let search: TestSearch;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
beforeAll(async () => {
  opened = await openChat({ model: false, slots: 2 });
  ({ search, chat } = opened);
  ({ brain, person } = await opened.brainOf(pages));
});
afterAll(() => opened.close());

const find = async (body: object, who = person, brainId = brain.brainId) => {
  const answer = await chat.call(who, 'POST', `/v1/brains/${brainId}/search`, body);
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
};
const questionsOf = async (tenantId: string) => {
  const rows = await search.db
    .selectFrom('ledger')
    .select('amount')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', 'question')
    .execute();
  return rows.length;
};

test('passages come best first, with their place', async () => {
  const { status, body } = await find({ query: 'When are refunds paid?' });
  expect(status).toBe(200);
  expect(body.object).toBe('list');
  expect(body.data[0]).toEqual({
    document_id: brain.documentId,
    document_name: expect.stringMatching(/./),
    page_number: 1,
    start: 0,
    end: pages[0]?.length,
    text: pages[0],
    score: expect.any(Number),
    heading: null,
  });
  const scores = body.data.map(({ score }: { score: number }) => score);
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
  expect((await find({ query: '환불은 언제 지급되나요?' })).body.data[0].page_number).toBe(3);
});

test('no more than asked for, and what is asked for is bounded', async () => {
  expect((await find({ query: 'refunds return parcels warehouse', limit: 1 })).body.data).toHaveLength(1);
  // Longer than what the vectorstore takes.
  expect((await find({ query: 'refunds '.repeat(1000).trim() })).status).toBe(200);
  for (const wrong of [
    { query: 'x', limit: 51 },
    { query: 'x', limit: 0 },
    { query: ' ' },
    { query: 'x'.repeat(8001) },
  ])
    expect((await find(wrong)).status).toBe(400);
});

test('a brain of others is not there, whoever asks', async () => {
  const other = await search.newBrain();
  const refused = await find({ query: 'refunds' }, person, other.brainId);
  expect([refused.status, refused.body.code]).toEqual([404, 'not-found']);
});

test('a search is one of the day’s questions', async () => {
  const limited = await search.newBrain();
  const user = await search.newPerson(limited.tenantId);
  await search.db.updateTable('tenants').set({ questions_per_day_max: 2 }).where('id', '=', limited.tenantId).execute();
  const statuses = [];
  for (const _ of [1, 2, 3]) statuses.push((await find({ query: 'refunds' }, user, limited.brainId)).status);
  expect(statuses).toEqual([200, 200, 429]);
  expect(await questionsOf(limited.tenantId)).toBe(2);
  expect((await find({ query: 'refunds' }, user, limited.brainId)).headers.get('retry-after')).toMatch(/^\d+$/);
});

test('more searches at a time than slots are told to come back', async () => {
  const asked = await Promise.all(Array.from({ length: 12 }, () => find({ query: 'refunds' })));
  const statuses = new Set(asked.map(({ status }) => status));
  expect([...statuses].sort()).toEqual([200, 503]);
  const refused = asked.find(({ status }) => status === 503);
  expect(refused?.body).toMatchObject({ code: 'yield', retry_hint_ms: expect.any(Number) });
  expect((await find({ query: 'refunds' })).status).toBe(200);
});
