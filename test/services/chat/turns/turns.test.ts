import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { turn as turnSchema } from '../../../../services/shared/contract/chat.ts';
import type { TestServices } from '../../../support/stores.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import {
  allEvents,
  answerOf,
  type ChatUnderTest,
  openChat,
  type Person,
  startChat,
  type TestChat,
  type TestSearch,
} from '../fixture.ts';

const pages = [
  'Annual leave\nEmployees earn twenty five days of\nannual leave per calendar year. Unused days expire on 31 March.',
  '연차휴가는 입사일을 기준으로 계산하며, 회사는 이를 매년 통지한다. 출장비는 영수증을 제출한 뒤 열흘 안에 지급한다.',
  'Invoices are due within thirty days; late payment costs eight percent. The rate doubles after ninety days.',
];

let opened: ChatUnderTest;
let services: TestServices;
let search: TestSearch;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
beforeAll(async () => {
  opened = await openChat({ model: false });
  ({ services, search, chat } = opened);
  ({ brain, person } = await opened.brainOf(pages));
});
afterAll(() => opened.close());

test('a question streams a cited answer: turn, searching, tokens, citations, done', async () => {
  const conversation = await chat.newConversation(person, brain);
  const answer = await chat.ask(person, conversation, 'How many days of annual leave do employees earn?');
  expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const all = await allEvents(answer);
  expect(all.map(({ id }) => id)).toEqual(all.map((_, index) => index + 1));
  expect(all.map(({ event }) => event).slice(0, 5)).toEqual(['turn', 'searching', 'found', 'token', 'citation']);
  expect(all[1]?.data).toEqual({ documents: 1 });
  expect(answerOf(all)).toContain(
    '“Annual leave Employees earn twenty five days of annual leave per calendar year.” [1]',
  );
  const { data: citation } = all.find(({ event }) => event === 'citation') as (typeof all)[number];
  expect(citation).toMatchObject({
    n: 1,
    document_id: brain.documentId,
    document_name: 'document.pdf',
    page_number: 1,
  });
  expect(pages[0]?.slice(citation.start, citation.end)).toBe(citation.quote);
  const done = turnSchema.parse(all.at(-1)?.data);
  expect(done).toMatchObject({ status: 'done', answered: true, answerer: { kind: 'extractive', name: 'extractive' } });
  expect(done.answer).toBe(answerOf(all));
  expect(await chat.turn(person, done.id)).toEqual(done);
});

test('a Korean question is answered from the Korean page', async () => {
  const all = await allEvents(
    await chat.ask(person, await chat.newConversation(person, brain), '연차휴가는 어떻게 계산하나요?'),
  );
  expect(answerOf(all)).toBe('“연차휴가는 입사일을 기준으로 계산하며, 회사는 이를 매년 통지한다.” [1]');
});

test('what the documents do not say is not answered; the nearest passages are cited', async () => {
  const all = await allEvents(
    await chat.ask(person, await chat.newConversation(person, brain), 'Who won the world cup of invoices?'),
  );
  const done = all.at(-1)?.data;
  expect(done).toMatchObject({ status: 'done', answered: false, answer: 'The documents do not answer this.' });
  expect(done.citations.length).toBeGreaterThan(0);
});

test('a brain without documents is not answered either', async () => {
  const empty = await search.newBrain(brain.tenantId);
  const all = await allEvents(await chat.ask(person, await chat.newConversation(person, empty), '질문이 있습니다'));
  expect(all.at(-1)?.data).toMatchObject({ answered: false, answer: '문서에서 답을 찾지 못했습니다.', citations: [] });
});

test('a document that was deleted is not cited, even while its chunks are still there', async () => {
  const own = await search.newBrain(brain.tenantId);
  await search.addPages(own, pages);
  await search.db.updateTable('documents').set({ deleted_at: new Date() }).where('id', '=', own.documentId).execute();
  const all = await allEvents(await chat.ask(person, await chat.newConversation(person, own), 'annual leave days'));
  expect(all.at(-1)?.data).toMatchObject({ answered: false, citations: [] });
});

test('documents that are still being read are counted', async () => {
  const own = await search.newBrain(brain.tenantId);
  const job = { id: own.documentId, tenant_id: own.tenantId, brain_id: own.brainId, document_id: own.documentId };
  await search.db
    .insertInto('jobs')
    .values({ ...job, kind: 'ingest', status: 'running' })
    .execute();
  const all = await allEvents(await chat.ask(person, await chat.newConversation(person, own), 'anything'));
  expect(all[1]?.data).toEqual({ documents: 0 });
  expect(all.at(-1)?.data.unread_documents).toBe(1);
});

test('the first question becomes the title, and the person hears of the conversation', async () => {
  const conversation = await chat.newConversation(person, brain);
  await allEvents(await chat.ask(person, conversation, `${'late payment '.repeat(10)}?`));
  const { title } = await chat.json<{ title: string }>(person, 'GET', `/v1/chat/conversations/${conversation.id}`);
  expect(title).toBe('late payment late payment late payment late payment late payment late payment…');
  const heard = await search.db
    .selectFrom('events')
    .select(['event', 'person_id'])
    .where('resource_id', '=', conversation.id)
    .execute();
  expect(heard).toEqual(Array(3).fill({ event: 'conversation', person_id: person.personId }));
});

test('a follow-up is searched with the question before it', async () => {
  const conversation = await chat.newConversation(person, brain);
  await allEvents(await chat.ask(person, conversation, 'What does late payment cost?'));
  const all = await allEvents(await chat.ask(person, conversation, 'After ninety days?'));
  expect(answerOf(all)).toContain('The rate doubles after ninety days.');
});

test('the same Idempotency-Key is the same turn; for another question it is refused', async () => {
  const conversation = await chat.newConversation(person, brain);
  const headers = { 'idempotency-key': 'key-1' };
  const answers = await Promise.all([1, 2, 3].map(() => chat.ask(person, conversation, 'late payment', headers)));
  const streams = await Promise.all(answers.map(allEvents));
  for (const all of streams) expect(all).toEqual(streams[0]);
  expect(answers.filter(({ headers: given }) => given.get('idempotency-replayed') === 'true')).toHaveLength(2);
  const { data } = await chat.json<{ data: unknown[] }>(
    person,
    'GET',
    `/v1/chat/conversations/${conversation.id}/turns`,
  );
  expect(data).toHaveLength(1);
  const other = await chat.ask(person, conversation, 'another question', headers);
  expect(other.status).toBe(422);
  expect(await other.json()).toMatchObject({ code: 'key-reused' });
  // The limits of a key are those of an upload's.
  const spaced = await chat.ask(person, conversation, 'late payment', { 'idempotency-key': 'with space' });
  expect(await spaced.json()).toMatchObject({ status: 400, detail: expect.stringContaining('1 to 200') });
});

test('Last-Event-ID on a question goes on with its turn, and never makes another', async () => {
  const conversation = await chat.newConversation(person, brain);
  const key = { 'idempotency-key': 'key-resumed' };
  const all = await allEvents(await chat.ask(person, conversation, 'late payment', key));
  const rest = await allEvents(await chat.ask(person, conversation, 'late payment', { ...key, 'last-event-id': '2' }));
  expect(rest).toEqual(all.slice(2));
  const headersOf: Record<string, string>[] = [{}, { 'idempotency-key': 'key-unknown' }];
  for (const headers of headersOf) {
    const refused = await chat.ask(person, conversation, 'late payment', { ...headers, 'last-event-id': '2' });
    expect([refused.status, (await refused.json()).detail]).toEqual([
      400,
      expect.stringMatching(/^Last-Event-ID goes on with a turn, and this request would make another\./),
    ]);
  }
  const nonsense = await chat.ask(person, conversation, 'late payment', { 'last-event-id': 'abc' });
  expect([nonsense.status, (await nonsense.json()).code]).toEqual([400, 'bad-request']);
  const path = `/v1/chat/conversations/${conversation.id}/turns`;
  expect((await chat.json<{ data: unknown[] }>(person, 'GET', path)).data).toHaveLength(1);
});

test('questions above the day’s quota are refused with 429 before any work', async () => {
  const own = await search.newBrain();
  const member = await search.newPerson(own.tenantId);
  await search.db.updateTable('tenants').set({ questions_per_day_max: 1 }).where('id', '=', own.tenantId).execute();
  const conversation = await chat.newConversation(member, own);
  await allEvents(await chat.ask(member, conversation, 'first'));
  const refused = await chat.ask(member, conversation, 'second');
  expect(refused.status).toBe(429);
  expect(refused.headers.get('ratelimit')).toMatch(/^"questions_per_day_max";r=0;t=\d+$/);
  expect(await refused.json()).toMatchObject({
    code: 'quota',
    detail: 'Allowed are 1 questions a day; 1 are used and this adds 1. The day begins at 00:00 UTC.',
  });
});

test('of a day’s last questions, asked at once, no more are taken than are left', async () => {
  const own = await search.newBrain();
  const member = await search.newPerson(own.tenantId);
  await search.db.updateTable('tenants').set({ questions_per_day_max: 2 }).where('id', '=', own.tenantId).execute();
  const conversations = await Promise.all([1, 2, 3, 4, 5].map(() => chat.newConversation(member, own)));
  const answers = await Promise.all(conversations.map((each) => chat.ask(member, each, 'now?')));
  await Promise.all(answers.map((answer) => answer.text()));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 429, 429, 429]);
});

test('people and keys see their own conversations only, page by page', async () => {
  const other = await search.newPerson(brain.tenantId);
  const stranger = await search.newPerson((await search.newBrain()).tenantId);
  const keyId = '0199c0de-0000-7000-8000-000000000001';
  await search.db
    .insertInto('api_keys')
    .values({
      id: keyId,
      tenant_id: brain.tenantId,
      name: 'key',
      prefix: 'bk_x',
      scopes: ['chat'],
      secret_sha256: Buffer.from('x'),
    })
    .execute();
  const key = { ...other, keyId };
  const mine = [];
  for (const _ of [1, 2, 3]) mine.push(await chat.newConversation(other, brain));
  const keys = await chat.newConversation(key, brain);

  type Page = { data: { id: string }[]; next_cursor: string | null };
  const list = (who: Person, cursor = '') =>
    chat.json<Page>(
      who,
      'GET',
      `/v1/chat/conversations?brain_id=${brain.brainId}&limit=2${cursor && `&cursor=${cursor}`}`,
    );
  const first = await list(other);
  const second = await list(other, first.next_cursor as string);
  expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(mine.map(({ id }) => id).reverse());
  expect(second.next_cursor).toBeNull();
  expect((await list(key)).data.map(({ id }) => id)).toEqual([keys.id]);

  const turn = (await allEvents(await chat.ask(other, mine[0] as (typeof mine)[number], 'late payment'))).at(-1)?.data;
  // The same person, in another tenant that they belong to.
  const elsewhere = { ...other, tenantId: stranger.tenantId };
  for (const who of [person, key, stranger, elsewhere])
    for (const path of [
      `conversations/${mine[0]?.id}`,
      `conversations/${mine[0]?.id}/turns`,
      `turns/${turn.id}`,
      `turns/${turn.id}/events`,
    ])
      expect((await chat.call(who, 'GET', `/v1/chat/${path}`)).status).toBe(404);
  for (const who of [stranger, elsewhere])
    expect((await chat.ask(who, mine[0] as (typeof mine)[number], 'hello')).status).toBe(404);
  expect((await chat.call(stranger, 'GET', `/v1/chat/conversations?brain_id=${brain.brainId}`)).status).toBe(404);
  expect((await chat.call(person, 'DELETE', `/v1/chat/conversations/${mine[0]?.id}`)).status).toBe(404);
  expect((await chat.call(other, 'DELETE', `/v1/chat/conversations/${mine[0]?.id}`)).status).toBe(200);
  expect((await chat.call(other, 'GET', `/v1/chat/turns/${turn.id}`)).status).toBe(404);
});

test('without a vectorstore a turn fails and says so; the list routes work', async () => {
  const lonely = await startChat(services, { ...search, url: 'http://127.0.0.1:9' });
  try {
    const conversation = await lonely.newConversation(person, brain);
    const last = (await allEvents(await lonely.ask(person, conversation, 'late payment'))).at(-1);
    expect(last).toMatchObject({
      event: 'error',
      data: { code: 'unavailable', detail: 'The documents cannot be searched right now. Try again soon.' },
    });
    expect((await lonely.call(person, 'GET', `/v1/chat/conversations/${conversation.id}/turns`)).status).toBe(200);
    const ready = await lonely.call(person, 'GET', '/readyz');
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { status: 'not ready', reason: 'vectorstore is away: the vectorstore does not answer' },
    ]);
  } finally {
    await lonely.close();
  }
});

test('only the extractive answerer is listed when no model is configured', async () => {
  expect(await chat.json(person, 'GET', '/v1/chat/models')).toEqual({
    object: 'list',
    data: [expect.objectContaining({ id: 'extractive', object: 'model', kind: 'extractive', owned_by: 'bulkhead' })],
  });
});

test('a question that is too long, empty, or asked by nobody is refused', async () => {
  const conversation = await chat.newConversation(person, brain);
  expect((await chat.ask(person, conversation, 'x'.repeat(8001))).status).toBe(400);
  expect((await chat.ask(person, conversation, '  ')).status).toBe(400);
  expect((await fetch(new URL(`/v1/chat/conversations/${conversation.id}`, chat.url))).status).toBe(401);
});

test('of a turn whose events have expired, or were erased, its end is sent as it is now', async () => {
  const conversation = await chat.newConversation(person, brain);
  const all = await allEvents(await chat.ask(person, conversation, 'How many days of annual leave do employees earn?'));
  const turnId = all[0]?.data.id as string;
  await services.query('delete from turn_events where turn_id = $1', [turnId]);
  await services.query(`update turns set answer = '' where id = $1`, [turnId]);
  expect(await allEvents(await chat.resume(person, turnId, 0))).toMatchObject([
    { id: 1, event: 'done', data: { id: turnId, status: 'done', answer: '', citations: [{ n: 1 }] } },
  ]);
});
