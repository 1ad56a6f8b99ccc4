/** Conversations found again: listed, searched, renamed, exported, deleted. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { uuidv7 } from 'uuidv7';
import { searchedMax, searchesMax } from '../../../../services/chat/conversations/search-conversations.ts';
import type { Conversation, Turn } from '../../../../services/shared/contract/chat.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import { allEvents, type ChatUnderTest, openChat, type Person, until } from '../fixture.ts';
import { says } from '../models/model-server.ts';

let open: ChatUnderTest;
let brain: TestBrain;
let person: Person;
beforeAll(async () => {
  open = await openChat();
  ({ brain, person } = await open.brainOf(['Refunds are paid within *fourteen* days of the return.']));
});
afterAll(() => open.close());

interface Listed {
  data: Conversation[];
  next_cursor: string | null;
}
const list = (who: Person, query: Record<string, string>) =>
  open.chat.json<Listed>(
    who,
    'GET',
    `/v1/chat/conversations?${new URLSearchParams({ brain_id: brain.brainId, ...query })}`,
  );
const titles = async (search: string, who = person) => (await list(who, { search })).data.map(({ title }) => title);
const newConversation = (title: string, who = person) =>
  open.chat.json<Conversation>(who, 'POST', '/v1/chat/conversations', { brain_id: brain.brainId, title });
const ask = async (conversation: Conversation, question: string, answer: string) => {
  open.model.behave(says(answer));
  return (await allEvents(await open.chat.ask(person, conversation, question))).at(-1)?.data as Turn;
};

test('a search finds title, question and answer, in any case and script, and nobody else’s', async () => {
  const refunds = await newConversation('Refunds in Korea');
  await ask(refunds, '환불은 언제 지급되나요?', 'Within FOURTEEN days [1].');
  await newConversation('100% of it');
  const other = await open.search.newPerson(brain.tenantId);
  await newConversation('Refunds of another person', other);
  expect(await titles('refunds IN')).toEqual(['Refunds in Korea']);
  expect(await titles('환불은')).toEqual(['Refunds in Korea']);
  expect(await titles('fourteen')).toEqual(['Refunds in Korea']);
  expect(await titles('0% o')).toEqual(['100% of it']);
  // What a pattern would match is text here.
  expect([await titles('R%Korea'), await titles('Refunds_in'), await titles('\\')]).toEqual([[], [], []]);
  expect(await titles('refunds', other)).toEqual(['Refunds of another person']);
});

test('searches leave connections to answers: who has some under way is refused another', async () => {
  const holder = new pg.Client({ connectionString: open.services.databaseUrl });
  await holder.connect();
  await holder.query('begin; lock table turns in access exclusive mode');
  const path = `/v1/chat/conversations?${new URLSearchParams({ brain_id: brain.brainId, search: 'refunds' })}`;
  let refused = 0;
  const all = Array.from({ length: 20 }, async () => {
    const { status } = await open.chat.call(person, 'GET', path);
    if (status === 429) refused += 1;
    return status;
  });
  await until(() => refused === 20 - searchesMax.callerMax);
  // Nor does it hold up what else is asked.
  expect((await list(person, {})).data.length).toBeGreaterThan(0);
  await holder.query('commit');
  await holder.end();
  expect((await Promise.all(all)).filter((status) => status === 200)).toHaveLength(searchesMax.callerMax);
  expect(await titles('refunds IN')).toEqual(['Refunds in Korea']);
});

test('a search looks through a bounded number at a time and goes on where it stopped', async () => {
  const reader = await open.search.newPerson(brain.tenantId);
  await newConversation('The needle', reader);
  const rows = Array.from({ length: searchedMax + 10 }, (_, at) => ({
    id: uuidv7(),
    tenant_id: brain.tenantId,
    brain_id: brain.brainId,
    person_id: reader.personId,
    title: `Straw ${at}`,
  }));
  await open.search.db.insertInto('conversations').values(rows).execute();
  const first = await list(reader, { search: 'needle' });
  expect(first.data).toEqual([]);
  const second = await list(reader, { search: 'needle', cursor: first.next_cursor as string });
  expect([second.data.map(({ title }) => title), second.next_cursor]).toEqual([['The needle'], null]);
  // A full page goes on behind its last one.
  const straw = await list(reader, { search: 'straw', limit: '5' });
  const more = await list(reader, { search: 'straw', limit: '5', cursor: straw.next_cursor as string });
  expect([...straw.data, ...more.data].map(({ title }) => title)).toEqual(
    rows
      .slice(-10)
      .map(({ title }) => title)
      .toReversed(),
  );
});

test('a conversation is renamed by whoever it belongs to, and their windows are told', async () => {
  const conversation = await newConversation('Before');
  const path = `/v1/chat/conversations/${conversation.id}`;
  const renamed = await open.chat.json<Conversation>(person, 'PATCH', path, { title: ' After ' });
  expect(renamed).toEqual({ ...conversation, title: 'After' });
  expect((await open.chat.json<Conversation>(person, 'GET', path)).title).toBe('After');
  const told = 'select event from events where resource_id = $1 order by id';
  expect(await open.services.query(told, [conversation.id])).toHaveLength(2);
  const other = await open.search.newPerson(brain.tenantId);
  expect((await open.chat.call(other, 'PATCH', path, { title: 'Mine' })).status).toBe(404);
  expect((await open.chat.call(person, 'PATCH', path, { title: ' ' })).status).toBe(400);
});

test('an export is Markdown with the sources; what comes from documents is text in it', async () => {
  const conversation = await newConversation('On *refunds*');
  const { id, created_at } = await ask(conversation, 'How long\ndo refunds take?', '**Fourteen** days [1].');
  const turns = Array.from({ length: 120 }, (_, at) => ({
    id: uuidv7(),
    tenant_id: brain.tenantId,
    conversation_id: conversation.id,
    question: `Question ${at}`,
    answer: at === 0 ? '' : `Answer ${at}`,
    status: at === 0 ? 'interrupted' : 'done',
    finish_reason: at === 1 ? 'length' : null,
    answerer_kind: 'model',
    answerer_name: 'test-model',
    replica: 'gone',
    lease_until: new Date(),
    finished_at: new Date(),
  }));
  await open.search.db.insertInto('turns').values(turns).execute();
  const path = `/v1/chat/conversations/${conversation.id}/export`;
  const answer = await open.chat.call(person, 'GET', path);
  expect(answer.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
  expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="conversation-${conversation.id}.md"`);
  const text = await answer.text();
  const [citation] = (await open.chat.turn(person, id)).citations;
  expect(text).toContain(
    [
      '# On \\*refunds\\*',
      `Started ${conversation.created_at}`,
      `## Question, ${created_at}`,
      '> How long\n> do refunds take?',
      '**Fourteen** days [1].',
      'Sources:',
      `- [1] ${citation?.document_name}, page 1: “Refunds are paid within \\*fourteen\\* days of the return.”`,
    ].join('\n\n'),
  );
  expect(text).toContain('> Question 0\n\n*No answer is kept.*\n\n*The answer was interrupted.*');
  expect(text).toContain("Answer 1\n\n*The answer was cut at the model's limit.*");
  expect(text.match(/^> Question \d+$/gm)).toEqual(turns.map(({ question }) => `> ${question}`));
  const other = await open.search.newPerson(brain.tenantId);
  expect((await open.chat.call(other, 'GET', path)).status).toBe(404);
});
