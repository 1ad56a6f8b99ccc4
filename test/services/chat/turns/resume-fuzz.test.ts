import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { allEvents, type ChatUnderTest, openChat, type TestChat, type TestSearch } from '../fixture.ts';
import { type ModelServer, says } from '../models/model-server.ts';

let opened: ChatUnderTest;
let search: TestSearch;
let model: ModelServer;
let chat: TestChat;
let other: TestChat;
beforeAll(async () => {
  opened = await openChat();
  ({ search, model, chat } = opened);
  other = await opened.another();
});
afterAll(() => opened.close());

test('any Last-Event-ID gives exactly the events after it', async () => {
  const brain = await search.newBrain();
  const person = await search.newPerson(brain.tenantId);
  await search.addPages(brain, ['Annual leave is twenty five days.']);
  model.behave(says(...Array.from({ length: 12 }, (_word, index) => `word${index} `)));
  const all = await allEvents(await chat.ask(person, await chat.newConversation(person, brain), 'leave?'));
  expect(all.length).toBeGreaterThan(3);
  const turnId = all[0]?.data.id as string;
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.nat({ max: all.length + 2 }), fc.nat({ max: 999_999_999 })),
      fc.constantFrom(chat, other),
      async (after, replica) => {
        expect(await allEvents(await replica.resume(person, turnId, after))).toEqual(all.slice(after));
      },
    ),
    { numRuns: 40 },
  );
  const garbage = fc.string({ unit: 'binary' }).map((text) => encodeURIComponent(`${text}x`));
  await fc.assert(
    fc.asyncProperty(garbage, async (after) => {
      const headers = { 'last-event-id': after };
      const answer = await chat.call(person, 'GET', `/v1/chat/turns/${turnId}/events`, undefined, headers);
      expect(answer.status).toBe(400);
    }),
    { numRuns: 20 },
  );
});
