/** Two replicas as they are started, of which one is killed in the middle of an answer, while the other one is read. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { uuidv7 } from 'uuidv7';
import { freePort } from '../../../../local/router/ports.ts';
import { hashSecret, newSecret } from '../../../../services/shared/auth/auth.ts';
import type { Conversation, Turn } from '../../../../services/shared/contract/chat.ts';
import { type StubEmbedding, startStubEmbedding } from '../../../support/embedding/stub-embedding.ts';
import { privateKeyOf } from '../../../support/service-keys.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';
import { dimensions, type TestBrain } from '../../vectorstore/fixture.ts';
import { allEvents, answerOf, events, type StreamedEvent, startSearch, type TestSearch, until } from '../fixture.ts';
import { type ModelServer, says, startModelServer, trickles } from '../models/model-server.ts';

let services: TestServices;
let search: TestSearch;
let model: ModelServer;
let embedding: StubEmbedding;
let brain: TestBrain;
let secret: string;
const running: { kill(): Promise<void> }[] = [];
beforeAll(async () => {
  services = await startServices();
  [search, model, embedding] = await Promise.all([
    startSearch(services),
    startModelServer(),
    startStubEmbedding(dimensions),
  ]);
  brain = await search.newBrain();
  await search.addPages(brain, ['Refunds take fourteen days.']);
  secret = await newKey(brain);
});
afterEach(async () => {
  for (const { kill } of running.splice(0)) await kill();
});
afterAll(async () => {
  await Promise.all([search?.close(), model?.close(), embedding?.close()]);
  await services?.close();
});

/** In a tenant with limits: what an answer may use is reserved, and given back. */
async function newKey({ tenantId }: TestBrain): Promise<string> {
  const { personId } = await search.newPerson(tenantId);
  await services.query(
    `insert into members (id, tenant_id, person_id, role, accepted_at) values ($1, $2, $3, 'member', now())`,
    [uuidv7(), tenantId, personId],
  );
  await services.query('update tenants set questions_per_day_max = 100, tokens_per_day_max = 100000000 where id = $1', [
    tenantId,
  ]);
  const made = newSecret('bk_');
  await services.query(
    `insert into api_keys (id, tenant_id, created_by, name, prefix, secret_sha256, scopes)
     values ($1, $2, $3, 'k', 'p', $4, '{chat}')`,
    [uuidv7(), tenantId, personId, hashSecret(made)],
  );
  return made;
}

async function start(replica: string, settings: Record<string, string> = {}) {
  const port = await freePort();
  const process = execa('node', ['services/chat/main.ts'], {
    cwd: new URL('../../../..', import.meta.url).pathname,
    reject: false,
    env: {
      PORT: `${port}`,
      REPLICA: replica,
      LOG_LEVEL: 'error',
      DATABASE_URL: services.databaseUrlOf('chat'),
      REDIS_URL: services.redisUrl,
      VECTORSTORE_URL: search.url,
      SERVICE_TOKEN_PRIVATE_KEY: privateKeyOf('chat'),
      AUTH_SECRET: 'a secret of at least thirty-two bytes',
      PUBLIC_URL: 'http://localhost:8080',
      MODEL_URL: model.url,
      MODEL_NAME: 'told',
      ...settings,
    },
  });
  const kill = async () => {
    process.kill('SIGKILL');
    await process;
  };
  running.push({ kill });
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/readyz`).catch(() => null))?.ok)
    await Promise.race([
      new Promise((resolve) => setTimeout(resolve, 100)),
      process.then(({ stderr, stdout }) => {
        throw new Error(`chat ended: ${stdout}${stderr}`);
      }),
    ]);
  const call = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${secret}`,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
  return { call, kill };
}

/** What stands in the ledger of the conversation, by kind, and what is still reserved. */
const charged = async (conversation: Conversation) => ({
  entries: await services.query(
    `select kind, count(*)::int as entries from ledger join turns on turns.id = ledger.turn_id
     where conversation_id = $1 group by kind order by kind`,
    [conversation.id],
  ),
  reserved: await services.query('select id from reservations'),
});

test('kill -9 of the replica that answers: who reads elsewhere hears the end, and asks again without a second question on the bill', async () => {
  const [first, second] = await Promise.all([start('first'), start('second')]);
  const conversation = (await (
    await first.call('POST', '/v1/chat/conversations', { brain_id: brain.brainId })
  ).json()) as Conversation;
  model.behave(trickles(10_000, 20));
  const asked = await first.call('POST', `/v1/chat/conversations/${conversation.id}/turns`, {
    question: 'How long do refunds take?',
  });
  const turnId = (asked.headers.get('content-location') as string).split('/').at(-1) as string;
  const heard: StreamedEvent[] = [];
  const elsewhere = await second.call('GET', `/v1/chat/turns/${turnId}/events`);
  for await (const event of events(elsewhere)) {
    heard.push(event);
    // In the middle: words came, the second replica serves them, and many are still to come.
    if (heard.filter((given) => given.event === 'token').length === 3) break;
  }
  expect((await charged(conversation)).reserved).toEqual([{ id: turnId }]);
  await first.kill();
  await asked.body?.cancel().catch(() => {});
  // Nobody has found it yet: what it held counts, so a limit that has room for one answer has none for another.
  await services.query('update tenants set tokens_per_day_max = (select ceil(1.5 * sum(tokens)) from reservations)');
  const refused = await second.call('POST', `/v1/chat/conversations/${conversation.id}/turns`, { question: 'Now?' });
  expect([refused.status, await refused.json()]).toMatchObject([429, { code: 'quota' }]);
  const after = heard.at(-1)?.id ?? 0;
  const resumed = second.call('GET', `/v1/chat/turns/${turnId}/events`, undefined, { 'last-event-id': `${after}` });
  const rest = resumed.then(allEvents);
  // Half a minute later, as far as its lease goes; nothing else is done for it.
  await services.query(`update turns set lease_until = now() - interval '1 s' where id = $1 and finished_at is null`, [
    turnId,
  ]);
  const all = [...heard, ...(await rest)];
  expect(all.map(({ id }) => id)).toEqual(all.map((_event, index) => index + 1));
  expect(all.at(-1)).toMatchObject({ event: 'done', data: { status: 'interrupted', answer: answerOf(all) } });
  expect(answerOf(all)).toMatch(/^word1 word2 word3 /);
  const once = { kind: 'question', entries: 1 };
  const lost = await charged(conversation);
  expect(lost.entries).toContainEqual(once);
  expect(lost.reserved).toEqual([]);

  // One click: the turn that was lost, asked again.
  model.behave(says('Fourteen days [1].'));
  const again = await allEvents(
    await second.call('POST', `/v1/chat/conversations/${conversation.id}/turns`, { retry_of: turnId }),
  );
  expect(again.at(-1)).toMatchObject({ event: 'done', data: { status: 'done', answer: 'Fourteen days [1].' } });
  expect((await charged(conversation)).entries).toContainEqual(once);
  expect(model.requests).toHaveLength(1);
  const { status } = (await (await second.call('GET', `/v1/chat/turns/${turnId}`)).json()) as Turn;
  expect(status).toBe('interrupted');
  // It was asked again once, and no more.
  const twice = await second.call('POST', `/v1/chat/conversations/${conversation.id}/turns`, { retry_of: turnId });
  expect(twice.status).toBe(409);
});

test.each([
  [
    'a completion',
    () => ({
      path: '/v1/chat/completions',
      body: {
        model: `brain:${brain.brainId}`,
        stream: true,
        messages: [{ role: 'user', content: 'How long do refunds take?' }],
      },
    }),
  ],
  [
    "an agent's question",
    () => ({
      path: '/v1/chat/mcp',
      body: {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'ask', arguments: { brain_id: brain.brainId, question: 'How long do refunds take?' } },
      },
    }),
  ],
])(
  'kill -9 in the middle of %s: what its model was sent is in the ledger, as waste',
  async (_what, request) => {
    const [first, second] = await Promise.all([start('first'), start('second')]);
    await services.query('update tenants set tokens_per_day_max = null, questions_per_day_max = null');
    model.behave(trickles(10_000, 20));
    const { path, body } = request();
    const asked = first
      .call('POST', path, body, { accept: 'application/json, text/event-stream' })
      .then((answer) => answer.text())
      .catch(() => 'broken off');
    const noted = () => services.query('select id from reservations where entries is not null');
    await until(async () => (await noted()).length > 0);
    const [{ id } = { id: '' }] = (await noted()) as { id: string }[];
    await first.kill();
    expect(await asked).toBe('broken off');
    // Longer than any answer takes, as far as its reservation goes.
    await services.query(`update reservations set expires_at = now() - interval '1 s' where id = $1`, [id]);
    await until(async () => (await noted()).length === 0);
    const entries = (await services.query(
      `select kind, amount::int as amount from ledger where key like $1 order by kind`,
      [`answer:${id}:%`],
    )) as { kind: string; amount: number }[];
    expect(entries.map(({ kind }) => kind)).toEqual(['model_tokens_in', 'question', 'wasted_tokens']);
    expect(entries[0]?.amount).toBeGreaterThan(0);
    expect(entries[2]?.amount).toBe(entries[0]?.amount);
    await second.kill();
  },
  120_000,
);

test('kill -9 amid a turn: what the provider bills for its search is in the ledger, too', async () => {
  const settings = {
    EMBEDDING_URL: embedding.url,
    EMBEDDING_MODEL: 'one',
    EMBEDDING_DIMENSIONS: String(dimensions),
    EMBEDDING_API_KEY: 'k',
  };
  const [first, second] = await Promise.all([start('first', settings), start('second')]);
  const vectors = { embedding_model: 'one', embedding_dimensions: dimensions };
  await search.db.updateTable('brains').set(vectors).where('id', '=', brain.brainId).execute();
  const conversation = (await (
    await first.call('POST', '/v1/chat/conversations', { brain_id: brain.brainId })
  ).json()) as Conversation;
  model.behave(trickles(10_000, 20));
  const before = embedding.billedTokens;
  const asked = await first.call('POST', `/v1/chat/conversations/${conversation.id}/turns`, {
    question: 'How long do refunds take?',
  });
  for await (const { event } of events(asked)) if (event === 'token') break;
  await first.kill();
  await services.query(`update turns set lease_until = now() - interval '1 s' where finished_at is null`);
  const entered = () =>
    services.query(
      `select kind, amount::int as amount from ledger join turns on turns.id = ledger.turn_id
       where conversation_id = $1 and kind in ('embedding_tokens', 'model_tokens_in') order by kind`,
      [conversation.id],
    );
  await until(async () => (await entered()).length > 0);
  expect(await entered()).toEqual([
    { kind: 'embedding_tokens', amount: embedding.billedTokens - before },
    { kind: 'model_tokens_in', amount: expect.any(Number) },
  ]);
  expect(embedding.billedTokens).toBeGreaterThan(before);
  expect((await charged(conversation)).reserved).toEqual([]);
  await second.kill();
}, 120_000);
