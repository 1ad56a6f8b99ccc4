/** A clock that is set back by minutes: what was said later still stands later. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { turnIdAfter } from '../../../../services/chat/conversations/turn-id.ts';
import type { Turn } from '../../../../services/shared/contract/chat.ts';
import { allEvents, type ChatUnderTest, openChat } from '../fixture.ts';
import { says } from '../models/model-server.ts';

let opened: ChatUnderTest;
beforeAll(async () => {
  opened = await openChat();
});
afterAll(() => opened.close());

test('turns of a conversation keep their order, on the page and for the model, when the clock goes back', async () => {
  const { chat, model } = opened;
  const { brain, person } = await opened.brainOf(['Refunds are paid within fourteen days of the return.']);
  const conversation = await chat.newConversation(person, brain);
  const ask = async (question: string) => allEvents(await chat.ask(person, conversation, question));
  const asked = ['one?', 'two?', 'three?', 'four?'];
  const now = Date.now;
  const clock = jest.spyOn(Date, 'now');
  try {
    for (const [at, question] of asked.entries()) {
      clock.mockImplementation(() => now() - at * 10 * 60_000);
      model.behave(says(`To ${question}`));
      await ask(question);
    }
  } finally {
    clock.mockRestore();
  }
  const { data } = await chat.json<{ data: Turn[] }>(person, 'GET', `/v1/chat/conversations/${conversation.id}/turns`);
  expect(data.map(({ question }) => question)).toEqual(asked.toReversed());
  const messages = model.requests.at(-1)?.messages ?? [];
  expect(messages.filter(({ role }) => role === 'assistant').map(({ content }) => content)).toEqual([
    'To one?',
    'To two?',
    'To three?',
  ]);
});

test('an id after another one is a UUIDv7 that is greater, whatever the clock says', () => {
  const ahead = '7fffffff-ffff-7fff-bfff-ffffffffffff';
  expect(turnIdAfter(ahead)).toMatch(/^80000000-0000-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(turnIdAfter(null) < turnIdAfter(turnIdAfter(null))).toBe(true);
});
