import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { turn as turnSchema } from '../../../services/shared/contract/chat.ts';
import { startServices, type TestServices } from '../../services.ts';
import type { TestBrain } from '../vectorstore/fixture.ts';
import { allEvents, answerOf, type Person, startChat, startSearch, type TestChat, type TestSearch } from './fixture.ts';

const pages = [
  'Annual leave\nEmployees earn twenty five days of\nannual leave per calendar year. Unused days expire on 31 March.',
  '연차휴가는 입사일을 기준으로 계산하며, 회사는 이를 매년 통지한다. 출장비는 영수증을 제출한 뒤 열흘 안에 지급한다.',
  'Invoices are due within thirty days; late payment costs eight percent. The rate doubles after ninety days.',
];

let services: TestServices;
let search: TestSearch;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
beforeAll(async () => {
  services = await startServices();
  search = await startSearch(services);
  chat = await startChat(services, search);
  brain = await search.newBrain();
  person = await search.newPerson(brain.tenantId);
  await search.addPages(brain, pages);
});
afterAll(async () => {
  await chat.close();
  await search.close();
  await services.close();
});

test('a question streams a cited answer: turn, searching, tokens, citations, done', async () => {
  const conversation = await chat.newConversation(person, brain);
  const answer = await chat.ask(person, conversation, 'How many days of annual leave do employees earn?');
  expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const all = await allEvents(answer);
  expect(all.map(({ id }) => id)).toEqual(all.map((_, index) => index + 1));
  expect(all.map(({ event }) => event).slice(0, 4)).toEqual(['turn', 'searching', 'token', 'citation']);
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
