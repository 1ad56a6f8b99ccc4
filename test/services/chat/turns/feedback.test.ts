import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Turn } from '../../../../services/shared/contract/chat.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import { allEvents, type ChatUnderTest, openChat, type Person, type TestChat, type TestSearch } from '../fixture.ts';

let opened: ChatUnderTest;
let search: TestSearch;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
let admin: Person;
beforeAll(async () => {
  opened = await openChat({ model: false });
  ({ search, chat } = opened);
  ({ brain, person } = await opened.brainOf(['Refunds are paid within fourteen days of the return.']));
  admin = { ...(await search.newPerson(brain.tenantId)), role: 'admin' };
});
afterAll(() => opened.close());

const asked = async (question: string, who = person, of = brain): Promise<Turn> =>
  (await allEvents(await chat.ask(who, await chat.newConversation(who, of), question))).at(-1)?.data;
const rate = async (turn: string, verdict: unknown, who = person) => {
  const answer = await chat.call(who, 'POST', `/v1/chat/turns/${turn}:rate`, { verdict });
  return { status: answer.status, body: await answer.json() };
};
const listed = async (who = admin, of = brain) => {
  const answer = await chat.call(who, 'GET', `/v1/chat/feedback?brain_id=${of.brainId}`);
  return { status: answer.status, body: await answer.json() };
};

test('a verdict stands with its turn, can change, and can be taken back', async () => {
  const { id } = await asked('When are refunds of a return paid?');
  expect(await chat.turn(person, id)).not.toHaveProperty('verdict');
  expect(await rate(id, 'up')).toMatchObject({ status: 200, body: { id, verdict: 'up' } });
  expect((await chat.turn(person, id)).verdict).toBe('up');
  await rate(id, 'down');
  expect((await listed()).body.data).toMatchObject([
    {
      id,
      verdict: 'down',
      question: 'When are refunds of a return paid?',
      answered: true,
      citations: [{ page_number: 1 }],
    },
  ]);
  expect((await rate(id, null)).body).not.toHaveProperty('verdict');
  expect((await listed()).body.data).toEqual([]);
  expect((await rate(id, 'sideways')).status).toBe(400);
});

test('only who asked may judge; only who administers reads, of the brain and tenant alone', async () => {
  const { id } = await asked('When are refunds paid?');
  expect((await rate(id, 'up', admin)).status).toBe(404);
  await rate(id, 'up');
  expect((await listed(person)).status).toBe(403);
  const second = await search.newBrain(brain.tenantId);
  expect((await listed(admin, second)).body.data).toEqual([]);
  const other = await search.newBrain();
  const stranger: Person = { ...(await search.newPerson(other.tenantId)), role: 'admin' };
  expect((await listed(stranger)).body.data).toEqual([]);
  expect((await listed()).body.data).toHaveLength(1);
});
