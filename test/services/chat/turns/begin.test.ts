/** A turn is written and its passages are searched side by side; everything else waits until it is written. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { type StubEmbedding, startStubEmbedding } from '../../../support/embedding/stub-embedding.ts';
import { dimensions, type TestBrain } from '../../vectorstore/fixture.ts';
import { allEvents, answerOf, type ChatUnderTest, openChat, type Person, until } from '../fixture.ts';
import { says } from '../models/model-server.ts';

let embedding: StubEmbedding;
let opened: ChatUnderTest;
let brain: TestBrain;
let person: Person;
beforeAll(async () => {
  embedding = await startStubEmbedding(dimensions);
  const settings = { EMBEDDING_URL: embedding.url, EMBEDDING_MODEL: 'one', EMBEDDING_API_KEY: 'k' };
  opened = await openChat({ settings });
  ({ brain, person } = await opened.brainOf(['Refunds take fourteen days.']));
  const vectors = { embedding_model: 'one', embedding_dimensions: dimensions };
  await opened.search.db.updateTable('brains').set(vectors).where('id', '=', brain.brainId).execute();
});
afterAll(async () => {
  await opened.close();
  await embedding.close();
});
beforeEach(() => opened.model.behave(says('Fourteen days [1].')));

const metric = async (url: string, name: string) =>
  Number(new RegExp(`^${name}(?:{.*})? (\\d+)$`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1]);

/** A question whose turn cannot be written before `conversation` is let go, once its passages were searched. */
async function askHeld() {
  const { chat, search, services } = opened;
  const conversation = await chat.newConversation(person, brain);
  const holder = new pg.Client({ connectionString: services.databaseUrl });
  await holder.connect();
  await holder.query('begin');
  await holder.query('select from conversations where id = $1 for update', [conversation.id]);
  const before = await metric(search.url, 'vectorstore_searches_executed');
  const asked = chat.ask(person, conversation, 'How long do refunds take?');
  await until(async () => (await metric(search.url, 'vectorstore_searches_executed')) > before);
  return { asked, holder, conversation };
}

test('passages are searched while the turn is being written; its model is asked when it is', async () => {
  const { asked, holder } = await askHeld();
  // Far longer than a search takes.
  await sleep(300);
  expect(opened.model.requests).toHaveLength(0);
  await holder.query('commit');
  await holder.end();
  const all = await allEvents(await asked);
  expect(answerOf(all)).toBe('Fourteen days [1].');
  expect(all.map(({ id }) => id)).toEqual(all.map((_event, index) => index + 1));
  expect(opened.model.requests).toHaveLength(1);
});

test('what was searched for a turn that was refused is paid; no model is asked, and the slot is free', async () => {
  const { asked, holder, conversation } = await askHeld();
  await holder.query('delete from conversations where id = $1', [conversation.id]);
  await holder.query('commit');
  await holder.end();
  expect((await asked).status).toBe(404);
  await until(async () => (await metric(opened.chat.url, 'chat_inflight')) === 0);
  const bill = `select kind, turn_id from ledger where brain_id = $1 and turn_id is null`;
  const { services, model } = opened;
  await until(async () => (await services.query(bill, [brain.brainId])).length > 0);
  expect(await services.query(bill, [brain.brainId])).toContainEqual({ kind: 'embedding_tokens', turn_id: null });
  expect(model.requests).toHaveLength(0);
  expect(await metric(opened.chat.url, 'chat_turns_running')).toBe(0);
});

test('a question that was cut in the middle of an emoji is asked', async () => {
  const conversation = await opened.chat.newConversation(person, brain);
  const asked = await opened.chat.ask(person, conversation, 'How long do refunds take? \ud83d');
  expect(asked.status).toBe(200);
  expect((await allEvents(asked)).at(-1)).toMatchObject({
    event: 'done',
    data: { question: 'How long do refunds take? \uFFFD', answer: 'Fourteen days [1].' },
  });
});
