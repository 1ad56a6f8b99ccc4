/** An answer that takes longer than TURN_TIMEOUT_MS is the model's fault, whichever way it is asked for. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import { allEvents, type ChatUnderTest, openChat, type Person } from '../fixture.ts';
import { trickles } from '../models/model-server.ts';

let opened: ChatUnderTest;
let brain: TestBrain;
let person: Person;
beforeAll(async () => {
  opened = await openChat({ settings: { TURN_TIMEOUT_MS: 2000 } });
  ({ brain, person } = await opened.brainOf(['Refunds are paid within fourteen days of the return.']));
  // Words come all the time, and no end.
  opened.model.behave(trickles(10_000, 50));
});
afterAll(() => opened.close());

const ask = (stream: boolean) =>
  opened.chat.call(person, 'POST', '/v1/chat/completions', {
    model: `brain:${brain.brainId}`,
    stream,
    messages: [{ role: 'user', content: 'How long do refunds take?' }],
  });
const told = { error: { code: 'model-failed', message: expect.stringContaining('longer than is allowed here') } };

test('whole: 502', async () => {
  const answer = await ask(false);
  expect([answer.status, await answer.json()]).toMatchObject([502, told]);
});

test('streamed: its last event', async () => {
  expect((await allEvents(await ask(true))).at(-1)?.data).toMatchObject(told);
});
