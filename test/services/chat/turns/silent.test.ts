/** A line to the vectorstore that is dead and does not say so, and a clock that jumps: answers come all the same. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { proxyOf, type StoreProxy } from '../../../support/proxy.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import {
  allEvents,
  answerOf,
  type ChatUnderTest,
  openChat,
  type Person,
  startChat,
  type TestChat,
  until,
} from '../fixture.ts';
import { says } from '../models/model-server.ts';

let opened: ChatUnderTest;
let line: StoreProxy;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
beforeAll(async () => {
  opened = await openChat();
  const { services, search, model } = opened;
  line = await proxyOf(search.url);
  chat = await startChat(services, { ...search, url: line.through(search.url) }, { modelUrl: model.url });
  ({ brain, person } = await opened.brainOf(['Refunds take fourteen days.']));
});
afterAll(async () => {
  await chat.close();
  await line.close();
  await opened.close();
});

test('half-open connections to the vectorstore are given up, and the search is made on another', async () => {
  opened.model.behave(says('Fourteen days [1].'));
  const conversation = await chat.newConversation(person, brain);
  await allEvents(await chat.ask(person, conversation, 'How long do refunds take?'));
  expect(line.connections).toBeGreaterThan(0);
  line.silence();
  const all = await allEvents(await chat.ask(person, conversation, 'How long do refunds take now?'));
  expect(all.at(-1)).toMatchObject({ event: 'done', data: { status: 'done', answer: 'Fourteen days [1].' } });
});

test.each([
  ['ahead', 3_600_000],
  ['back', -3_600_000],
])('the clock jumps an hour %s in mid-answer: it is whole, and its slot comes back', async (_where, byMs) => {
  const real = Date.now.bind(Date);
  const clock = jest.spyOn(Date, 'now');
  opened.model.behave((stream) => {
    stream.text('Fourteen ');
    clock.mockImplementation(() => real() + byMs);
    stream.text('days [1].');
    stream.end();
  });
  try {
    const conversation = await chat.newConversation(person, brain);
    const all = await allEvents(await chat.ask(person, conversation, 'How long do refunds take?'));
    expect(answerOf(all)).toBe('Fourteen days [1].');
    expect(all.map(({ id }) => id)).toEqual(all.map((_event, index) => index + 1));
    expect(all.at(-1)).toMatchObject({ event: 'done', data: { status: 'done' } });
    await until(async () => /chat_inflight 0\n/.test(await (await chat.call(person, 'GET', '/metrics')).text()));
    // Who asks next is answered, too.
    const next = await allEvents(await chat.ask(person, conversation, 'And how long do refunds take now?'));
    expect(next.at(-1)).toMatchObject({ event: 'done', data: { status: 'done' } });
  } finally {
    clock.mockRestore();
  }
});
