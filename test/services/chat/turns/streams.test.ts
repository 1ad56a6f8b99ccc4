/** Streams of turns are bounded: of one caller, and of one tenant; counted back when their sockets die. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { proxyOf } from '../../../support/proxy.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import {
  allEvents,
  type ChatUnderTest,
  events,
  openChat,
  type Person,
  type TestChat,
  type TestSearch,
} from '../fixture.ts';
import { type ModelServer, trickles } from '../models/model-server.ts';

let opened: ChatUnderTest;
let search: TestSearch;
let model: ModelServer;
let chat: TestChat;
let brain: TestBrain;
beforeAll(async () => {
  opened = await openChat({ slots: 4, reconnectGraceMs: 120_000 });
  ({ search, model, chat } = opened);
  brain = await search.newBrain();
  model.behave(trickles(2000, 50));
});
afterAll(async () => {
  hangUp.abort();
  await opened.close();
});

const hangUp = new AbortController();

/** One that asks, and reads its turn `readers` times over. */
async function asks(person: Person, of: TestBrain, readers: number) {
  const conversation = await chat.newConversation(person, of);
  const asked = await chat.ask(person, conversation, 'leave?', {}, hangUp.signal);
  const { value: turn } = await events(asked).next();
  for (let index = 1; index < readers; index += 1)
    expect((await resume(person, turn?.data.id, hangUp.signal)).status).toBe(200);
  return { conversation, turnId: turn?.data.id as string };
}

const resume = (person: Person, turnId: string, signal?: AbortSignal) =>
  chat.call(person, 'GET', `/v1/chat/turns/${turnId}/events`, undefined, {}, signal);

test('a reader who vanished without a word holds a slot no longer than its answer takes, and reads it elsewhere', async () => {
  const { brain: own, person } = await opened.brainOf(['Leave is twenty five days.']);
  const vanishing = await proxyOf(chat.url);
  const end = Promise.withResolvers<void>();
  model.behave(async (stream) => {
    stream.text('Twenty five ');
    await end.promise;
    stream.text('days [1].');
    stream.end();
  });
  const conversation = await chat.newConversation(person, own);
  const asked = await fetch(vanishing.through(`${chat.url}/v1/chat/conversations/${conversation.id}/turns`), {
    method: 'POST',
    headers: { 'x-person': JSON.stringify(person), 'content-type': 'application/json' },
    body: JSON.stringify({ question: 'leave?' }),
  });
  const reading = events(asked);
  const { value: turn } = await reading.next();
  // No packet passes any more, in either direction, and no end either.
  vanishing.blackHole();
  end.resolve();
  while (!/chat_inflight 0\n/.test(await (await chat.call(person, 'GET', '/metrics')).text())) await sleep(20);
  const all = await allEvents(await resume(person, turn?.data.id));
  expect(all.at(-1)).toMatchObject({ event: 'done', data: { status: 'done', answer: 'Twenty five days [1].' } });
  vanishing.heal();
  for await (const _event of reading);
  await vanishing.close();
  model.behave(trickles(2000, 50));
});

test('a caller and a tenant hold so many streams; who is refused has asked nothing', async () => {
  const person = await search.newPerson(brain.tenantId);
  const { conversation, turnId } = await asks(person, brain, 8);
  const refused = await resume(person, turnId);
  expect([refused.status, refused.headers.get('retry-after'), (await refused.json()).detail]).toEqual([
    429,
    '5',
    'Allowed are 8 streams of turns of yours under way at a time, and 8 are. Let one end and come back in 5 s.',
  ]);
  expect((await chat.ask(person, conversation, 'one more?')).status).toBe(429);
  const turns = await search.db.selectFrom('turns').select('id').where('question', '=', 'one more?').execute();
  expect(turns).toEqual([]);

  const colleague = await search.newPerson(brain.tenantId);
  const theirs = await asks(colleague, brain, 4);
  expect((await (await resume(colleague, theirs.turnId)).json()).detail).toBe(
    'Allowed are 12 streams of turns of your tenant under way at a time, and 12 are. Let one end and come back in 5 s.',
  );
  const quietBrain = await search.newBrain();
  const quiet = await search.newPerson(quietBrain.tenantId);
  await asks(quiet, quietBrain, 1);

  hangUp.abort();
  for (let tries = 0; tries < 100; tries += 1) {
    const again = new AbortController();
    const answer = await resume(person, turnId, again.signal);
    again.abort();
    if (answer.status === 200) return;
    await sleep(100);
  }
  throw new Error('the places of dead sockets did not come back in 10 s');
});
