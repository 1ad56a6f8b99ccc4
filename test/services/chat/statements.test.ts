import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { type StubEmbedding, startStubEmbedding } from '../../support/embedding/stub-embedding.ts';
import type { TestServices } from '../../support/stores.ts';
import { dimensions, type TestBrain } from '../vectorstore/fixture.ts';
import {
  allEvents,
  type ChatUnderTest,
  events,
  openChat,
  type Person,
  type TestChat,
  type TestSearch,
} from './fixture.ts';
import type { ModelServer } from './models/model-server.ts';

let embedding: StubEmbedding;
let opened: ChatUnderTest;
let services: TestServices;
let search: TestSearch;
let model: ModelServer;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
const sent = jest.spyOn(pg.Client.prototype, 'query');
beforeAll(async () => {
  embedding = await startStubEmbedding(dimensions);
  const settings = { EMBEDDING_URL: embedding.url, EMBEDDING_MODEL: 'one', EMBEDDING_API_KEY: 'k' };
  opened = await openChat({ settings });
  ({ services, search, model, chat } = opened);
  ({ brain, person } = await opened.brainOf(['Employees earn twenty five days of annual leave per calendar year.']));
});
afterAll(async () => {
  sent.mockRestore();
  await opened.close();
  await embedding.close();
});

// Where questions are embedded, too: which model a brain's vectors are of is read with the brain.
test('an answer costs four statements: looked up, begun, its events, ended; one more where documents are many', async () => {
  await search.db.updateTable('brains').set({ model: 'extractive' }).where('id', '=', brain.brainId).execute();
  const conversation = await chat.newConversation(person, brain);
  const statementsOf = async (question: string) => {
    sent.mockClear();
    const all = await allEvents(await chat.ask(person, conversation, question));
    expect(all.find(({ event }) => event === 'citation')?.data.document_name).toBeDefined();
    const texts = sent.mock.calls.map(([given]) => given as unknown as string | { readonly text: string });
    return texts.map((given) => (typeof given === 'string' ? given : given.text).trim().slice(0, 35));
  };
  const [lookedUp, begun, named, wrote, ended] = [
    'select "conversations"."brain_id", ',
    'with conversation as materialized (',
    'select "id", "name" from "documents',
    'with alive as materialized (\n      ',
    'with conversation as materialized (',
  ];
  await statementsOf('How many days of annual leave?');
  expect(await statementsOf('How many days of leave are earned?')).toEqual([lookedUp, begun, wrote, ended]);
  // With all names of a brain a question would read more than it asks for.
  await services.query(
    `insert into documents (id, tenant_id, brain_id, name, media_type, size_bytes, sha256, object_key)
     select gen_random_uuid(), tenant_id, brain_id, name, media_type, size_bytes, sha256(number::text::bytea), object_key
     from documents, generate_series(1, 50) as number where brain_id = $1`,
    [brain.brainId],
  );
  expect(await statementsOf('How many days are earned?')).toEqual([lookedUp, begun, named, wrote, ended]);
});

test('an answer that ends and the deletion of its conversation do not wait for each other in a circle', async () => {
  await search.db.updateTable('brains').set({ model: null }).where('id', '=', brain.brainId).execute();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  model.behave(async (stream) => {
    stream.text('Twenty five.');
    await held;
    stream.end();
  });
  const conversation = await chat.newConversation(person, brain);
  const stream = events(await chat.ask(person, conversation, 'How many days?'));
  for await (const { event } of stream) if (event === 'token') break;

  // As the deletion does it: first the conversation, then, by cascade, the turns.
  const client = new pg.Client({ connectionString: services.databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query('select from conversations where id = $1 for update', [conversation.id]);
  release();
  await services.waitForLocks();
  await client.query('delete from conversations where id = $1', [conversation.id]);
  await client.query('commit');
  await client.end();
  while (!/chat_inflight 0\n/.test(await (await chat.call(person, 'GET', '/metrics')).text())) await sleep(10);
  const bill = await services.query('select kind from ledger where brain_id = $1 and turn_id is null', [brain.brainId]);
  // The model was paid all the same.
  expect(bill).toContainEqual({ kind: 'model_tokens_in' });
});
