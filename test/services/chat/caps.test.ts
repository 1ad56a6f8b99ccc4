/** Limits of a day in tokens and dollars, of environment, tenant and key: raced, given back, and gone with their owner. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { type Charged, type Scope, usedIn } from '../../../services/shared/ledger/quota-use.ts';
import { reserve } from '../../../services/shared/ledger/reservations.ts';
import { startServices, type TestServices } from '../../support/stores.ts';
import type { TestBrain } from '../vectorstore/fixture.ts';
import { type Person, startChat, startSearch, type TestChat, type TestSearch, until } from './fixture.ts';
import { type ModelServer, type ModelStream, pages, says, startModelServer } from './models/model-server.ts';

/** What one question may use of this model: all that it can hold, and a fourth of that written. */
const contextTokens = 4000;
const mayUse = { tokens: 5000, usd: 0.05 };

let services: TestServices;
let search: TestSearch;
let model: ModelServer;
let chat: TestChat;
let brain: TestBrain;
let caller: Person & { keyId: string };
beforeAll(async () => {
  services = await startServices();
  [search, model] = await Promise.all([startSearch(services), startModelServer()]);
  const price = { in: 10, out: 10 };
  chat = await startChat(services, search, {
    slots: 200,
    settings: {
      MODELS: JSON.stringify([{ name: 'm', url: model.url, contextTokens, usdPerMillionTokens: price }]),
    },
  });
});
beforeEach(async () => {
  brain = await search.newBrain();
  await search.addPages(brain, pages);
  const keyId = uuidv7();
  await services.query(
    `insert into api_keys (id, tenant_id, name, prefix, secret_sha256, scopes) values ($1, $2, 'k', 'p', $3, '{chat}')`,
    [keyId, brain.tenantId, Buffer.from(keyId)],
  );
  caller = { ...(await search.newPerson(brain.tenantId)), keyId };
  model.behave(says('Fourteen days [1].'));
});
afterAll(async () => {
  await chat.close();
  await Promise.all([search.close(), model.close()]);
  await services.close();
});

const charged = (): Charged => ({ tenantId: brain.tenantId, keyId: caller.keyId });
const tables = { environment: 'environment_limits', tenant: 'tenants', key: 'api_keys' } as const;
type Limit = 'tokens_per_day_max' | 'usd_per_day_max';
const allow = (scope: Scope, limit: Limit, max: number | null) =>
  services.query(`update ${tables[scope]} set ${limit} = $1 where $2 = 'environment' or id::text = $3`, [
    max,
    scope,
    scope === 'key' ? caller.keyId : brain.tenantId,
  ]);
const ask = () =>
  chat.call(caller, 'POST', '/v1/chat/completions', {
    model: `brain:${brain.brainId}`,
    messages: [{ role: 'user', content: 'How long do refunds take?' }],
  });
const held = async () =>
  (await services.query('select * from reservations where tenant_id = $1', [brain.tenantId])).length;

test.each<[Scope, Limit]>([
  ['tenant', 'tokens_per_day_max'],
  ['key', 'usd_per_day_max'],
  ['environment', 'usd_per_day_max'],
])(
  '50 at once against a limit of the %s (%s): as many as it holds, and the rest hears when',
  async (scope, limit) => {
    const unit = limit === 'usd_per_day_max' ? mayUse.usd : mayUse.tokens;
    const before = await usedIn(search.db, scope, charged(), limit);
    const max = before + 4.5 * unit;
    await allow(scope, limit, limit === 'usd_per_day_max' ? max : Math.floor(max));
    const waiting: ModelStream[] = [];
    model.behave((stream) => void waiting.push(stream));
    const answers = Array.from({ length: 50 }, ask);
    await until(async () => waiting.length === 4);
    let refused = 0;
    const count = ({ status }: Response) => {
      if (status === 429) refused += 1;
    };
    for (const answer of answers) void answer.then(count);
    await until(async () => refused === 46);
    expect(await held()).toBe(4);
    const used = await usedIn(search.db, scope, charged(), limit);
    expect(used).toBeLessThanOrEqual(max);
    expect(used).toBeCloseTo(before + 4 * unit, 6);
    for (const stream of waiting) {
      stream.text('Fourteen days [1].');
      stream.end({ prompt_tokens: 100, completion_tokens: 20 });
    }
    const all = await Promise.all(answers);
    const ended = all.map(({ status }) => status);
    expect(ended.filter((status) => status === 200)).toHaveLength(4);
    expect(ended.filter((status) => status === 429)).toHaveLength(46);
    const no = all.find(({ status }) => status === 429) as Response;
    expect(Number(no.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(no.headers.get('ratelimit')).toMatch(new RegExp(`^"${limit}";r=\\d+;t=\\d+$`));
    const { error } = (await no.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe('quota');
    expect(error.message).toMatch(/^Allowed are [\d.]+ (tokens|US dollars) a day.*The day begins at 00:00 UTC\.$/);
    // Settled: what they did use is counted, and room is there again.
    expect(await held()).toBe(0);
    expect(await usedIn(search.db, scope, charged(), limit)).toBeCloseTo(
      before + 4 * (limit === 'usd_per_day_max' ? 120 * 1e-5 : 120),
      6,
    );
    model.behave(says('Fourteen days [1].'));
    expect((await ask()).status).toBe(200);
    await allow(scope, limit, null);
  },
  120_000,
);

test('an answer that fails, or whose caller leaves, gives back what it had reserved', async () => {
  await allow('tenant', 'tokens_per_day_max', 6000);
  model.behave(({ response }) => void response.writeHead(400).end('{}'));
  for (const _each of [1, 2, 3]) expect((await ask()).status).toBeGreaterThanOrEqual(400);
  expect(await held()).toBe(0);
  expect(await usedIn(search.db, 'tenant', charged(), 'tokens_per_day_max')).toBe(0);

  // A turn that is stopped in the middle is paid for what came, and holds nothing more.
  const conversation = await chat.newConversation(caller, brain);
  let stopped: ModelStream | undefined;
  model.behave((stream) => {
    stopped = stream;
    stream.text('Fourteen');
  });
  const leaving = new AbortController();
  const answer = await chat.ask(caller, conversation, 'How long?', {}, leaving.signal);
  await until(() => stopped !== undefined);
  expect(await held()).toBe(1);
  const [turn] = (await services.query('select id from turns where conversation_id = $1', [conversation.id])) as {
    id: string;
  }[];
  await chat.call(caller, 'POST', `/v1/chat/turns/${turn?.id}:stop`);
  await until(async () => (await held()) === 0);
  await answer.body?.cancel();
  const used = await usedIn(search.db, 'tenant', charged(), 'tokens_per_day_max');
  expect(used).toBeGreaterThan(0);
  expect(used).toBeLessThan(5000);
});

test('what a dead process had reserved counts until its time is up', async () => {
  await allow('tenant', 'tokens_per_day_max', 6000);
  const hold = (lastsMs: number) =>
    search.db.transaction().execute((trx) => reserve(trx, charged(), { id: uuidv7(), ...mayUse, lastsMs }));
  await hold(1500);
  expect((await ask()).status).toBe(429);
  await expect(hold(1500)).rejects.toMatchObject({ code: 'quota' });
  await until(async () => (await ask()).status === 200);
});
