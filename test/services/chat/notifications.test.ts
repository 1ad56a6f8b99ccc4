import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import type { TestServices } from '../../support/stores.ts';
import { allEvents, type ChatUnderTest, events, openChat, type TestChat, type TestSearch } from './fixture.ts';
import { type ModelServer, trickles } from './models/model-server.ts';

let opened: ChatUnderTest;
let services: TestServices;
let search: TestSearch;
let model: ModelServer;
let chat: TestChat;
let other: TestChat;
beforeAll(async () => {
  opened = await openChat();
  ({ services, search, model, chat } = opened);
  other = await opened.another();
});
afterAll(() => opened.close());

test('replicas are told of new events only while one of them reads the turn', async () => {
  const brain = await search.newBrain();
  const person = await search.newPerson(brain.tenantId);
  const conversation = await chat.newConversation(person, brain);
  const client = new pg.Client({ connectionString: services.databaseUrl });
  const heard: string[] = [];
  client.on('notification', ({ payload = '' }) => heard.push(payload.split(' ')[0] as string));
  await client.connect();
  await client.query('listen turns');
  model.behave(trickles(10, 40));

  await allEvents(await chat.ask(person, conversation, 'leave?'));
  await client.query('select 1');
  // Its end, for whoever comes at that very moment.
  expect(heard).toEqual(['events']);

  heard.length = 0;
  // The answer goes on until the other replica was told of it more than twice, each time within the answer.
  const told = () => heard.filter((kind) => kind === 'events').length;
  model.behave(async (answer) => {
    while (told() < 3) {
      answer.text('word ');
      await sleep(20);
    }
    answer.end();
  });
  const stream = events(await chat.ask(person, conversation, 'leave?'));
  const { value: first } = await stream.next();
  const there = await allEvents(await other.resume(person, first?.data.id as string, 0));
  for await (const _event of stream);
  await client.query('select 1');
  expect(there.at(-1)).toMatchObject({ event: 'done' });
  expect(heard[0]).toBe('watched');
  expect(told()).toBeGreaterThan(2);
  await client.end();
});
