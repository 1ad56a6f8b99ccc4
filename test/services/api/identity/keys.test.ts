import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, type Harness, startHarness } from '../harness.ts';

let harness: Harness;
let owner: Caller;
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
});
afterAll(() => harness.close());

const create = async (body: object = {}) =>
  (await owner('POST', '/v1/keys', { name: 'Importer', scopes: ['documents:read'], ...body })).body;
const ask = (secret: string, path = '/v1/me') =>
  harness.nobody('GET', path, undefined, { authorization: `Bearer ${secret}` });

test('a secret has 256 bits, is shown once, and only its hash is kept', async () => {
  const key = await create();
  expect(key.secret).toMatch(/^bk_[\w-]{43}$/);
  expect(key.prefix).toBe(key.secret.slice(0, 8));
  expect((await owner('GET', '/v1/keys')).body.data[0]).not.toHaveProperty('secret');
  const { rows } = await import('kysely').then(({ sql }) =>
    sql<{
      found: boolean;
    }>`select bool_or(k::text like ${`%${key.secret.slice(3)}%`}) as found from api_keys k`.execute(harness.db),
  );
  expect(rows[0]?.found).toBe(false);
  const me = await ask(key.secret);
  expect(me.body).toMatchObject({ person: null, role: 'viewer', operator: false, tenants: [] });
  expect(me.body.key.last_used_at).not.toBeNull();
});

test('needs no Origin, and no made-up secret passes', async () => {
  const { secret } = await create({ scopes: ['documents:write'] });
  const made = await harness.nobody('POST', '/v1/brains', { name: 'B' }, { authorization: `Bearer ${secret}` });
  expect(made.status).toBe(201);
  expect((await ask(`${secret.slice(0, -1)}_`)).status).toBe(401);
  expect((await ask('bk_short')).status).toBe(401);
});

test('rotation: the old one works for a day more, the new one takes its place', async () => {
  const old = await create();
  const next = (await owner('POST', `/v1/keys/${old.id}:rotate`)).body;
  expect(next).toMatchObject({ name: old.name, scopes: old.scopes, expires_at: null });
  expect(next.secret).not.toBe(old.secret);
  expect([(await ask(old.secret)).status, (await ask(next.secret)).status]).toEqual([200, 200]);
  const listed = (await owner('GET', '/v1/keys')).body.data.find(({ id }: { id: string }) => id === old.id);
  const left = new Date(listed.expires_at).getTime() - Date.now();
  expect(Math.round(left / 3_600_000)).toBe(24);
  await harness.db
    .updateTable('api_keys')
    .set({ expires_at: new Date(Date.now() - 1) })
    .where('id', '=', old.id)
    .execute();
  expect([(await ask(old.secret)).status, (await ask(next.secret)).status]).toEqual([401, 200]);
  const ended = await owner('POST', `/v1/keys/${old.id}:rotate`);
  expect([ended.status, ended.body.detail]).toEqual([409, expect.stringContaining('does not work any more')]);
});

const program =
  (secret: string): Caller =>
  (method, path, body) =>
    harness.nobody(method, path, body, { authorization: `Bearer ${secret}` });

test('a key adds nobody who may do more than itself, and gets no link', async () => {
  const admin = program((await create({ scopes: ['admin'] })).secret);
  for (const role of ['admin', 'member', 'viewer']) {
    const refused = await admin('POST', '/v1/members', { email: `${role}@key.example`, name: 'X', role });
    expect([role, refused.status, refused.body.detail]).toEqual([
      role,
      403,
      expect.stringContaining(`The role ${role} includes documents:read`),
    ]);
  }
  const viewer = (await owner('POST', '/v1/members', { email: 'low@key.example', name: 'Low', role: 'viewer' })).body;
  expect((await admin('PATCH', `/v1/members/${viewer.id}`, { role: 'admin' })).status).toBe(403);
  expect((await admin('POST', `/v1/members/${viewer.id}:invite`)).status).toBe(403);
  const all = program((await create({ scopes: ['admin', 'documents:read', 'documents:write', 'chat'] })).secret);
  const added = await all('POST', '/v1/members', { email: 'high@key.example', name: 'High', role: 'admin' });
  expect([added.status, added.body]).toMatchObject([201, { invitation: 'withheld', sign_in_token: null }]);
  expect((await all('POST', `/v1/members/${viewer.id}:invite`)).body.sign_in_token).toBeNull();
});

test('a key ends with the membership of who made it, and so do the keys that it made', async () => {
  const added = (await owner('POST', '/v1/members', { email: 'maker@key.example', name: 'M', role: 'admin' })).body;
  const maker = await harness.signIn(added.sign_in_token);
  const first = (await maker('POST', '/v1/keys', { name: 'First', scopes: ['admin', 'documents:read'] })).body;
  const second = (await program(first.secret)('POST', '/v1/keys', { name: 'Second', scopes: ['documents:read'] })).body;
  expect((await ask(second.secret)).status).toBe(200);
  await owner('DELETE', `/v1/members/${added.id}`);
  expect([(await ask(first.secret)).status, (await ask(second.secret)).status]).toEqual([401, 401]);
  const listed = (await owner('GET', '/v1/keys')).body.data.filter(({ name }: { name: string }) =>
    ['First', 'Second'].includes(name),
  );
  expect(listed.map(({ revoked_at }: { revoked_at: string | null }) => revoked_at !== null)).toEqual([true, true]);
  const again = (await owner('POST', '/v1/members', { email: 'maker@key.example', name: 'M', role: 'admin' })).body;
  await harness.signIn(again.sign_in_token);
  expect((await ask(first.secret)).status).toBe(401);
});

test('a lowered role lowers the keys that the person made', async () => {
  const added = (await owner('POST', '/v1/members', { email: 'lowered@key.example', name: 'L', role: 'admin' })).body;
  const maker = await harness.signIn(added.sign_in_token);
  const scopes = ['admin', 'documents:read', 'documents:write'];
  const { secret } = (await maker('POST', '/v1/keys', { name: 'All', scopes })).body;
  const may = async () => [
    (await program(secret)('GET', '/v1/keys')).status,
    (await program(secret)('POST', '/v1/brains', { name: 'B' })).status,
    (await program(secret)('GET', '/v1/brains')).status,
  ];
  expect(await may()).toEqual([200, 201, 200]);
  await owner('PATCH', `/v1/members/${added.id}`, { role: 'member' });
  expect(await may()).toEqual([403, 201, 200]);
  await owner('PATCH', `/v1/members/${added.id}`, { role: 'viewer' });
  expect(await may()).toEqual([403, 403, 200]);
});

test('a key makes none that works longer than itself', async () => {
  const expires_at = new Date(Date.now() + 3_600_000).toISOString();
  const { secret } = await create({ scopes: ['admin', 'documents:read'], expires_at });
  const longer = new Date(Date.now() + 7_200_000).toISOString();
  for (const wanted of [null, longer]) {
    const made = await program(secret)('POST', '/v1/keys', { name: 'L', scopes: ['admin'], expires_at: wanted });
    expect(made.body.expires_at).toBe(expires_at);
  }
});

test('revoked is over at once; revoking again changes nothing', async () => {
  const key = await create();
  const revoked = (await owner('DELETE', `/v1/keys/${key.id}`)).body;
  expect((await ask(key.secret)).status).toBe(401);
  expect((await owner('DELETE', `/v1/keys/${key.id}`)).body.revoked_at).toBe(revoked.revoked_at);
});

test('a key gives no more than it has, and an end must lie ahead', async () => {
  const { secret } = await create({ scopes: ['admin'] });
  const answer = await harness.nobody(
    'POST',
    '/v1/keys',
    { name: 'More', scopes: ['admin', 'chat'] },
    { authorization: `Bearer ${secret}` },
  );
  expect([answer.status, answer.body.detail]).toEqual([
    403,
    'The asking key does not have chat itself; a person can give it.',
  ]);
  const late = await owner('POST', '/v1/keys', { name: 'Late', scopes: ['chat'], expires_at: '2001-01-01T00:00:00Z' });
  expect([late.status, late.body.detail]).toEqual([400, expect.stringContaining('allowed is a time to come')]);
});

test('a key makes none, and is handed none, with more than its own quotas', async () => {
  const scopes = ['admin', 'documents:read'];
  const key = await create({ scopes, quotas: { pages_per_day_max: 10 } });
  const rich = await create({ scopes });
  const make = (quotas?: object) => program(key.secret)('POST', '/v1/keys', { name: 'More', scopes, quotas });
  expect((await make()).body.quotas).toMatchObject({ pages_per_day_max: 10, questions_per_day_max: null });
  expect((await make({ pages_per_day_max: 9, questions_per_day_max: 1 })).body.quotas).toMatchObject({
    pages_per_day_max: 9,
    questions_per_day_max: 1,
  });
  for (const pages_per_day_max of [11, null])
    expect(await make({ pages_per_day_max })).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining("allowed is the asking key's own, 10; a person can give more") },
    });
  expect((await program(key.secret)('POST', `/v1/keys/${rich.id}:rotate`)).status).toBe(403);
  const rotated = await program(key.secret)('POST', `/v1/keys/${key.id}:rotate`);
  expect(rotated.body.quotas).toMatchObject({ pages_per_day_max: 10 });
});
