/** The SDK's own client over HTTP. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import { type ChatUnderTest, openChat, type Person, type TestChat, type TestSearch, until } from '../fixture.ts';
import { says } from '../models/model-server.ts';

let opened: ChatUnderTest;
let search: TestSearch;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
beforeAll(async () => {
  opened = await openChat({ model: false });
  ({ search, chat } = opened);
  ({ brain, person } = await opened.brainOf([
    'Refunds are paid within fourteen days of the return.',
    'Parcels leave on weekdays.',
  ]));
});
afterAll(() => opened.close());

async function connect(who: Person | null, headers: Record<string, string> = {}, base = chat.url): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  client.onerror = (error) => failed.push(error);
  const transport = new StreamableHTTPClientTransport(new URL('/v1/chat/mcp', base), {
    requestInit: { headers: { ...(who && { 'x-person': JSON.stringify(who) }), ...headers } },
  });
  await client.connect(transport);
  return client;
}
const failed: Error[] = [];

// biome-ignore lint/suspicious/noExplicitAny: each test knows what its tool gives
const call = async (client: Client, name: string, args: object = {}): Promise<any> =>
  client.callTool({ name, arguments: { ...args } });

test('an agent finds a brain, searches it and asks it', async () => {
  const client = await connect(person);
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(['list_brains', 'search', 'ask']);
  await search.newBrain();
  const { brains } = (await call(client, 'list_brains')).structuredContent;
  expect(brains).toEqual([
    { id: brain.brainId, name: expect.any(String), description: expect.any(String), documents: 1 },
  ]);

  const [{ id: brain_id }] = brains;
  const query = 'When are refunds of a return paid?';
  const { passages } = (await call(client, 'search', { brain_id, query, limit: 1 })).structuredContent;
  expect(passages).toMatchObject([{ document_id: brain.documentId, page_number: 1, heading: null }]);
  expect(passages[0].text).toContain('fourteen days');

  const asked = await call(client, 'ask', { brain_id, question: query });
  expect(asked.structuredContent).toMatchObject({
    answered: true,
    answer: expect.stringContaining('[1]'),
    citations: [{ n: 1, document_id: brain.documentId, page_number: 1 }],
  });
  expect(JSON.parse(asked.content[0].text)).toEqual(asked.structuredContent);
  const nothing = await call(client, 'ask', { brain_id, question: 'Who painted the ceiling of the chapel?' });
  expect(nothing.structuredContent.answered).toBe(false);
  await client.close();
  // The client asks for a stream of the server's own; the 405 that it gets is no fault to it.
  expect(failed).toEqual([]);
});

test('who asks for progress hears of it while the answer is made, and gets the same answer', async () => {
  const told = await openChat({ slots: 2 });
  const { brain: own, person: user } = await told.brainOf(['Refunds are paid within fourteen days of the return.']);
  let toldBeforeTheEnd = 0;
  const heard: { progress: number; message?: string }[] = [];
  told.model.behave(async (stream) => {
    stream.text('Within fourteen ');
    // The client has heard of the first words while the others are still to come.
    while (heard.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    toldBeforeTheEnd = heard.length;
    stream.text('days [1].');
    stream.end();
  });
  const client = await connect(user, {}, told.chat.url);
  const args = { brain_id: own.brainId, question: 'When are refunds of a return paid?' };
  const asked = await client.callTool({ name: 'ask', arguments: args }, undefined, {
    onprogress: (progress) => void heard.push(progress),
  });
  expect(heard).toEqual([
    { progress: 1, message: 'Searching' },
    { progress: 2, message: 'Passages found: 1' },
    { progress: 3, message: 'Answering: 15 characters' },
  ]);
  expect(toldBeforeTheEnd).toBe(3);
  expect(asked.structuredContent).toMatchObject({ answer: 'Within fourteen days [1].', answered: true });

  told.model.behave(({ response }) => void response.writeHead(500).end());
  const failed = await client.callTool({ name: 'ask', arguments: args }, undefined, { onprogress: () => {} });
  expect([failed.isError, JSON.stringify(failed.content)]).toEqual([true, expect.stringContaining('model-failed')]);
  expect(
    (await client.callTool({ name: 'list_brains', arguments: {} }, undefined, { onprogress: () => {} })).isError,
  ).toBe(undefined);
  await client.close();
  await told.close();
});

test('an agent that leaves an answer leaves waste in the ledger, and none that hears its end', async () => {
  const told = await openChat({ slots: 2 });
  const { brain: own, person: user } = await told.brainOf(['Refunds are paid within fourteen days of the return.']);
  const client = await connect(user, {}, told.chat.url);
  const args = { brain_id: own.brainId, question: 'When are refunds of a return paid?' };
  told.model.behave(says('Within fourteen days [1].'));
  await call(client, 'ask', args);
  const wasted = () =>
    told.search.db
      .selectFrom('ledger')
      .select('amount')
      .where('tenant_id', '=', own.tenantId)
      .where('kind', '=', 'wasted_tokens')
      .execute();
  expect(await wasted()).toEqual([]);
  const leaves = new AbortController();
  told.model.behave((stream) => {
    stream.text('Within ');
    leaves.abort();
  });
  await expect(
    client.callTool({ name: 'ask', arguments: args }, undefined, { signal: leaves.signal }),
  ).rejects.toThrow();
  await client.close();
  await until(async () => (await wasted()).length > 0);
  expect(await wasted()).toEqual([{ amount: expect.any(Number) }]);
  await told.close();
});

test('a refusal is read by the agent: brains of others, the day’s questions', async () => {
  const limited = await search.newBrain();
  await search.db.updateTable('tenants').set({ questions_per_day_max: 1 }).where('id', '=', limited.tenantId).execute();
  const client = await connect(await search.newPerson(limited.tenantId));
  const refusal = async (args: object) => {
    const { isError, content } = await call(client, 'search', args);
    return [isError, JSON.parse(content[0].text).code];
  };
  const query = 'refunds';
  expect(await refusal({ brain_id: brain.brainId, query })).toEqual([true, 'not-found']);
  const own = { brain_id: limited.brainId, query };
  expect((await call(client, 'search', own)).structuredContent).toEqual({ passages: [] });
  expect(await refusal(own)).toEqual([true, 'quota']);
  // What the schema does not allow is refused before any work.
  expect((await call(client, 'search', { ...own, limit: 51 })).isError).toBe(true);
  await client.close();
});

test('without a key there is no server, and no batch of calls in one request', async () => {
  await expect(connect(null)).rejects.toMatchObject({ code: 401 });
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
  const accept = { accept: 'application/json, text/event-stream' };
  const post = async (body: object) => (await chat.call(person, 'POST', '/v1/chat/mcp', body, accept)).status;
  expect(await post(ping)).toBe(200);
  expect(await post([ping, ping])).toBe(400);
  const get = await chat.call(person, 'GET', '/v1/chat/mcp');
  expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
});
