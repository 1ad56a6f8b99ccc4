/** The quota of questions a day, raced by 20 callers through turns and completions: exactly what is allowed is asked. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TestServices } from '../../support/stores.ts';
import { allEvents, type ChatUnderTest, openChat, type TestChat, type TestSearch } from './fixture.ts';
import { type ModelServer, says } from './models/model-server.ts';

let opened: ChatUnderTest;
let services: TestServices;
let search: TestSearch;
let model: ModelServer;
let chat: TestChat;
beforeAll(async () => {
  opened = await openChat({ slots: 64 });
  ({ services, search, model, chat } = opened);
});
afterAll(() => opened.close());

test('turns and completions together: 7 of 20 are asked, whatever becomes of them', async () => {
  const brain = await search.newBrain();
  const { tenantId } = brain;
  await search.addPages(brain, ['Refunds take fourteen days.']);
  const allow = (questions_per_day_max: number) =>
    search.db.updateTable('tenants').set({ questions_per_day_max }).where('id', '=', tenantId).execute();
  const people = await Promise.all(Array.from({ length: 20 }, () => search.newPerson(tenantId)));
  const callers = await Promise.all(
    people.map(async (person, index) => ({
      person,
      conversation: index % 2 ? await chat.newConversation(person, brain) : null,
    })),
  );
  const race = async (question: string) => {
    const answers = await Promise.all(
      callers.map(({ person, conversation }) =>
        conversation
          ? chat.ask(person, conversation, question)
          : chat.call(person, 'POST', '/v1/chat/completions', {
              model: `brain:${brain.brainId}`,
              messages: [{ role: 'user', content: question }],
            }),
      ),
    );
    const bodies = await Promise.all(
      answers.map(async (answer) => ({ status: answer.status, text: await answer.text() })),
    );
    const refused = bodies.filter(({ status }) => status === 429);
    // Completions fail in OpenAI's shape.
    for (const { error, ...problem } of refused.map(({ text }) => JSON.parse(text)))
      expect((error ?? problem).code).toBe('quota');
    return bodies.length - refused.length;
  };
  const counted = () => services.query(`select * from ledger where tenant_id = $1 and kind = 'question'`, [tenantId]);

  model.behave(says('Fourteen days [1].'));
  await allow(7);
  expect(await race('how long?')).toBe(7);
  expect(await counted()).toHaveLength(7);
  expect(await race('again?')).toBe(0);
  expect(await services.query(`select id from turns where question = 'again?'`)).toEqual([]);

  // Answers that fail were asked all the same: they are counted once, and none is counted for those refused.
  model.behave(({ response }) => void response.writeHead(400).end('{}'));
  await allow(10);
  expect(await race('and now?')).toBe(3);
  expect(await counted()).toHaveLength(10);

  // Whoever is refused for another reason takes nothing of the quota.
  await allow(11);
  const [{ person }] = callers as [(typeof callers)[number]];
  const missing = { ...(await chat.newConversation(person, brain)), id: crypto.randomUUID() };
  expect((await chat.ask(person, missing, 'where?')).status).toBe(404);
  expect(await counted()).toHaveLength(10);
  model.behave(says('Fourteen days [1].'));
  const last = await chat.ask(person, await chat.newConversation(person, brain), 'last?');
  expect((await allEvents(last)).at(-1)).toMatchObject({ event: 'done' });
});
