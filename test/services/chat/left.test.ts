/** Callers who leave while PostgreSQL holds their admission up: nobody is answered, and their slots are free. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { leave, type Sent } from '../../support/leavers.ts';
import type { TestBrain } from '../vectorstore/fixture.ts';
import { type ChatUnderTest, openChat, type Person, until } from './fixture.ts';
import { type ModelStream, says } from './models/model-server.ts';

/** More than one, so that one that is lost is missed. */
const slots = 2;
let opened: ChatUnderTest;
let brain: TestBrain;
let person: Person;
let asked: ModelStream[];
beforeAll(async () => {
  opened = await openChat({ slots, reconnectGraceMs: 500 });
  ({ brain, person } = await opened.brainOf(['Refunds take fourteen days.']));
  // With a limit questions stand in line at the tenant's row.
  const limit = { questions_per_day_max: 1000 };
  await opened.search.db.updateTable('tenants').set(limit).where('id', '=', brain.tenantId).execute();
});
afterAll(() => opened.close());
beforeEach(() => {
  asked = [];
  // Begins, and does not end by itself.
  opened.model.behave((stream) => {
    asked.push(stream);
    stream.text('Fourteen ');
  });
});

const completion = (more: object = {}) => ({
  model: `brain:${brain.brainId}`,
  messages: [{ role: 'user', content: 'How long do refunds take?' }],
  ...more,
});

/** Asks, leaves once PostgreSQL has the question waiting for the tenant's row, and has the row let go. */
async function askAndLeave(path: string, body: object): Promise<void> {
  const { chat, services } = opened;
  const sent: Sent = { method: 'POST', path, headers: { 'x-person': JSON.stringify(person) }, body };
  const holder = new pg.Client({ connectionString: services.databaseUrl });
  await holder.connect();
  try {
    await holder.query('begin');
    await holder.query('select from tenants where id = $1 for update', [brain.tenantId]);
    await leave(chat.app, 1, sent, () => services.waitForLocks());
    await holder.query('rollback');
  } finally {
    await holder.end();
  }
}

const free = () =>
  until(async () => /^chat_inflight 0$/m.test(await (await fetch(`${opened.chat.url}/metrics`)).text()));

/** Until no slot is taken; then one is answered. */
async function allFree(): Promise<void> {
  const { chat, model } = opened;
  await free();
  model.behave(says('Fourteen days [1].'));
  expect((await chat.call(person, 'POST', '/v1/chat/completions', completion())).status).toBe(200);
}

test.each([
  ['a streamed completion', '/v1/chat/completions', () => completion({ stream: true })],
  ['a completion', '/v1/chat/completions', () => completion()],
])('%s: its model is not asked', async (_what, path, body) => {
  await askAndLeave(path, body());
  await free();
  expect(asked).toEqual([]);
  await allFree();
});

test('a turn ends `interrupted` when nobody has come back to it, and its model is let go', async () => {
  const { chat, search } = opened;
  const conversation = await chat.newConversation(person, brain);
  await askAndLeave(`/v1/chat/conversations/${conversation.id}/turns`, { question: 'How long do refunds take?' });
  const turn = () =>
    search.db.selectFrom('turns').select('status').where('conversation_id', '=', conversation.id).executeTakeFirst();
  await until(async () => ((await turn())?.status ?? 'streaming') !== 'streaming');
  expect(await turn()).toEqual({ status: 'interrupted' });
  await until(() => asked.every(({ gone }) => gone));
  await allFree();
});
