/** Questions are embedded with the model whose vectors serve in the brain. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type StubEmbedding, startStubEmbedding } from '../../../support/embedding/stub-embedding.ts';
import { dimensions, type TestBrain } from '../../vectorstore/fixture.ts';
import { type ChatUnderTest, openChat, type Person, startChat, type TestChat } from '../fixture.ts';

let [before, now]: StubEmbedding[] = [];
let opened: ChatUnderTest;
let alone: TestChat;
let brain: TestBrain;
let person: Person;
beforeAll(async () => {
  [before, now] = [await startStubEmbedding(dimensions), await startStubEmbedding(dimensions)];
  const settings = {
    EMBEDDING_URL: now.url,
    EMBEDDING_MODEL: 'now',
    EMBEDDING_QUERY_PREFIX: 'query:',
    EMBEDDING_PASSAGE_PREFIX: 'passage:',
    EMBEDDING_DIMENSIONS: dimensions,
    EMBEDDING_API_KEY: 'k',
  };
  const previous = {
    EMBEDDING_PREVIOUS_URL: before.url,
    EMBEDDING_PREVIOUS_MODEL: 'before',
    EMBEDDING_PREVIOUS_QUERY_PREFIX: 'asks:',
    EMBEDDING_PREVIOUS_DIMENSIONS: dimensions,
    EMBEDDING_PREVIOUS_API_KEY: 'k',
  };
  opened = await openChat({ model: false, settings: { ...settings, ...previous } });
  alone = await startChat(opened.services, opened.search, { settings });
  ({ brain, person } = await opened.brainOf(['Refunds are paid within fourteen days of the return.']));
});
beforeEach(() => {
  for (const { asked } of [before, now] as StubEmbedding[]) (asked as string[][]).length = 0;
});
afterAll(async () => {
  await alone.close();
  await opened.close();
  await Promise.all([before?.close(), now?.close()]);
});

/** Which endpoints embed a question. */
async function askedOf(chat: TestChat, embedding_model: string, next_embedding_model: string | null) {
  await opened.search.db
    .updateTable('brains')
    .set({
      embedding_model,
      next_embedding_model,
      next_embedding_dimensions: next_embedding_model === null ? null : dimensions,
    })
    .where('id', '=', brain.brainId)
    .execute();
  const answer = await chat.call(person, 'POST', `/v1/brains/${brain.brainId}/search`, {
    query: 'When are refunds paid?',
  });
  expect(((await answer.json()) as { data: unknown[] }).data).toHaveLength(1);
  return { before: before?.asked.length, now: now?.asked.length };
}

test('that is the model before, until the one that is configured serves', async () => {
  expect(await askedOf(opened.chat, 'before', null)).toEqual({ before: 1, now: 0 });
  expect(await askedOf(opened.chat, 'before', 'now')).toEqual({ before: 2, now: 0 });
  expect(await askedOf(opened.chat, 'now', null)).toEqual({ before: 2, now: 1 });
  // Each model with the prefix that it wants before a question.
  expect(before?.asked[0]).toEqual(['asks: When are refunds paid?']);
  expect(now?.asked[0]).toEqual(['query: When are refunds paid?']);
});

test('where nobody embeds with that any more, vectors serve as they come', async () => {
  expect(await askedOf(alone, 'before', null)).toEqual({ before: 0, now: 0 });
  expect(await askedOf(alone, 'before', 'now')).toEqual({ before: 0, now: 1 });
});

test('readiness says how documents are searched', async () => {
  const { body } = await alone.app.http.inject('/readyz');
  expect(JSON.parse(body)).toMatchObject({ search: 'by words and meaning (now)' });
});
