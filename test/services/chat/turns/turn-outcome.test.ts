/** Turns whose beginning or end PostgreSQL did, but did not answer: asked once, counted once, ended once. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { checkRows } from '../../../../services/document-worker/verify/check-rows.ts';
import type { Finding } from '../../../../services/document-worker/verify/finding.ts';
import { proxyOf, type StoreProxy } from '../../../support/proxy.ts';
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
import { type ModelServer, says, startModelServer } from '../models/model-server.ts';

let services: TestServices;
let search: TestSearch;
let model: ModelServer;
let proxy: StoreProxy;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
/** The fixture's document has no job. */
let found: Finding[];
beforeAll(async () => {
  services = await startServices();
  [search, model] = await Promise.all([startSearch(services), startModelServer()]);
  const url = services.databaseUrlOf('chat');
  proxy = await proxyOf(url, 'postgres');
  chat = await startChat(services, search, { modelUrl: model.url, databaseUrl: proxy.through(url) });
  brain = await search.newBrain();
  person = await search.newPerson(brain.tenantId);
  await search.addPages(brain, ['Refunds take fourteen days.']);
  found = await checkRows(search.db);
});
afterAll(async () => {
  await chat.close();
  await Promise.all([search.close(), model.close()]);
  await proxy.close();
  await services.close();
});

const commit = /^commit$/i;
const begins = /insert into turns/;
const ends = /update turns set status/;

/** Without a limit a beginning is one statement, with one it is a transaction. */
test.each([
  ['the beginning', null, begins],
  ['the beginning in a transaction', 1000, commit],
  ['the end', null, ends],
  ['the end, in a tenant with a limit', 1000, ends],
])('%s is done but not answered: one turn, one bill, one end', async (_name, limit, statement) => {
  await search.db
    .updateTable('tenants')
    .set({ questions_per_day_max: limit })
    .where('id', '=', brain.tenantId)
    .execute();
  const conversation = await chat.newConversation(person, brain);
  model.behave(says('Fourteen days [1].'));
  const cut = proxy.cutAnswer(statement);
  const headers = { 'idempotency-key': `once-${conversation.id}` };
  const all = await allEvents(await chat.ask(person, conversation, 'How long do refunds take?', headers));
  await cut;
  expect(answerOf(all)).toBe('Fourteen days [1].');
  expect(all.map(({ id }) => id)).toEqual(all.map((_event, index) => index + 1));
  expect(all.at(-1)).toMatchObject({ event: 'done', data: { status: 'done' } });
  // The same key is the same turn.
  const again = await allEvents(await chat.ask(person, conversation, 'How long do refunds take?', headers));
  expect(again).toEqual(all);
  expect(model.requests).toHaveLength(1);

  const turnId = all[0]?.data.id as string;
  expect(await services.query('select id, status from turns where conversation_id = $1', [conversation.id])).toEqual([
    { id: turnId, status: 'done' },
  ]);
  const ledger = 'select kind, count(*)::int as entries from ledger where turn_id = $1 group by kind order by kind';
  expect(await services.query(ledger, [turnId])).toEqual([
    { kind: 'model_tokens_in', entries: 1 },
    { kind: 'model_tokens_out', entries: 1 },
    { kind: 'question', entries: 1 },
  ]);
  expect(await checkRows(search.db)).toEqual(found);
});

test('a beginning that did not reach PostgreSQL is a 503, costs nothing, and can be asked again', async () => {
  const conversation = await chat.newConversation(person, brain);
  model.behave(says('Fourteen days [1].'));
  const cut = proxy.cutAnswer(begins, { before: true });
  const headers = { 'idempotency-key': `lost-${conversation.id}` };
  const refused = await chat.ask(person, conversation, 'How long do refunds take?', headers);
  await cut;
  expect([refused.status, (await refused.json()).code]).toEqual([503, 'store-unavailable']);
  expect(model.requests).toHaveLength(0);
  const all = await allEvents(await chat.ask(person, conversation, 'How long do refunds take?', headers));
  expect(all.at(-1)).toMatchObject({ event: 'done', data: { status: 'done' } });
  expect(await checkRows(search.db)).toEqual(found);
});
