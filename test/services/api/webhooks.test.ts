/** Webhooks as their owner sets them; what is sent: test/services/document-worker/webhooks. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, type Harness, startHarness } from './harness.ts';

let harness: Harness;
let owner: Caller;
beforeAll(async () => {
  harness = await startHarness({ WEBHOOK_PORTS: '443,9000', WEBHOOK_ALLOWED_NETWORKS: '10.1.0.0/16' });
  owner = await harness.owner();
});
afterAll(() => harness.close());

const url = 'https://8.8.8.8/hook';
const create = (body: object = {}, by = owner) => by('POST', '/v1/webhooks', { url, ...body });

test('is set, listed without its secret, changed, disabled, enabled and deleted', async () => {
  const made = await create();
  expect(made).toMatchObject({
    status: 201,
    body: {
      object: 'webhook',
      url,
      events: ['document.ready', 'document.failed', 'document.canceled'],
      disabled_at: null,
      delivered_at: null,
    },
  });
  expect(made.body.secret).toMatch(/^whsec_[\w+/]{43}=$/);
  const { secret: _secret, ...shown } = made.body;
  expect((await owner('GET', '/v1/webhooks')).body.data).toEqual([shown]);
  const path = `/v1/webhooks/${made.body.id}`;
  const changed = await owner('PATCH', path, { events: ['document.failed'], enabled: false });
  expect(changed.body).toMatchObject({ url, events: ['document.failed'], disabled_reason: 'person' });
  expect((await owner('POST', `${path}:test`)).body).toMatchObject({ status: 409, code: 'conflict' });
  expect((await owner('PATCH', path, { enabled: true })).body).toMatchObject({ disabled_at: null });
  expect((await owner('DELETE', path)).body).toEqual({ id: made.body.id, deleted: true });
  expect((await owner('GET', `${path}/deliveries`)).status).toBe(404);
});

test('only owners set it, and each tenant sees its own', async () => {
  const { body } = await create();
  const admin = await harness.person('admin');
  for (const [method, path] of [
    ['GET', '/v1/webhooks'],
    ['DELETE', `/v1/webhooks/${body.id}`],
    ['POST', `/v1/webhooks/${body.id}:rotate`],
    ['GET', `/v1/webhooks/${body.id}/deliveries`],
  ] as const)
    expect((await admin(method, path)).status).toBe(403);
  expect((await create({}, admin)).status).toBe(403);
  const other = await harness.otherTenant();
  expect((await other('GET', '/v1/webhooks')).body.data).toEqual([]);
  for (const [method, path] of [
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', ':rotate'],
    ['POST', ':test'],
    ['GET', '/deliveries'],
  ] as const)
    expect(await other(method, `/v1/webhooks/${body.id}${path}`, method === 'PATCH' ? {} : undefined)).toMatchObject({
      status: 404,
      body: { detail: `There is no webhook ${body.id}.` },
    });
});

test.each([
  ['https://127.0.0.1/hook', 'The address is in a private network'],
  ['https://169.254.169.254/latest/meta-data', 'The address is in a private network'],
  ['https://localhost/hook', 'The address is in a private network'],
  ['https://10.2.0.1/hook', 'The address is in a private network'],
  ['http://8.8.8.8:9000/hook', 'The address begins with http:'],
  ['https://8.8.8.8:22/', 'The port is 22; this installation allows 443, 9000 (WEBHOOK_PORTS, docs/webhooks.md).'],
  ['ftp://8.8.8.8/', "allowed is 'https://host/path'"],
])('%s is refused, also by a change', async (refused, why) => {
  expect(await create({ url: refused })).toMatchObject({ status: 400, body: { detail: expect.stringContaining(why) } });
  const { body } = (await owner('GET', '/v1/webhooks')) as { body: { data: { id: string }[] } };
  const [first] = body.data as [{ id: string }];
  expect((await owner('PATCH', `/v1/webhooks/${first.id}`, { url: refused })).status).toBe(400);
});

test('a private network that the operator names is allowed, and a name that DNS does not know yet', async () => {
  expect((await create({ url: 'http://10.1.2.3:9000/hook' })).status).toBe(201);
  expect((await create({ url: 'https://receiver.invalid/hook' })).status).toBe(201);
});

test('a rotation shows a new secret; the old one ends a day later, and the api can read neither', async () => {
  const { body } = await create();
  const rotated = await owner('POST', `/v1/webhooks/${body.id}:rotate`);
  expect(rotated.body.secret).not.toBe(body.secret);
  const rows = await harness.services.query(
    `select secret, round(extract(epoch from expires_at - now()) / 3600) as hours from webhook_secrets
     where webhook_id = $1 order by created_at`,
    [body.id],
  );
  expect(rows).toEqual([
    { secret: body.secret, hours: '24' },
    { secret: rotated.body.secret, hours: null },
  ]);
  const { default: pg } = await import('pg');
  const api = new pg.Client({ connectionString: harness.services.databaseUrlOf('api') });
  await api.connect();
  await expect(api.query('select secret from webhook_secrets')).rejects.toThrow('permission denied');
  await api.end();
});

test('a test is a delivery that waits to be sent, twenty an hour', async () => {
  const { body } = await create();
  const path = `/v1/webhooks/${body.id}`;
  const tested = await owner('POST', `${path}:test`);
  expect(tested).toMatchObject({
    status: 202,
    body: { object: 'webhook_delivery', event: 'webhook.test', status: 'pending', attempts: 0, last_status: null },
  });
  const listed = await owner('GET', `${path}/deliveries`);
  expect(listed.body).toEqual({ data: [tested.body], next_cursor: null });
  for (let more = 1; more < 20; more += 1) expect((await owner('POST', `${path}:test`)).status).toBe(202);
  expect(await owner('POST', `${path}:test`)).toMatchObject({
    status: 429,
    body: { detail: '20 tests were sent in the last hour; allowed are 20.' },
  });
  const page = await owner('GET', `${path}/deliveries?limit=3`);
  expect(page.body.data).toHaveLength(3);
  expect((await owner('GET', `${path}/deliveries?cursor=${page.body.next_cursor}&limit=200`)).body.data).toHaveLength(
    17,
  );
});

test('a tenant has ten of them', async () => {
  const tenant = await harness.otherTenant();
  const made = await Promise.all(Array.from({ length: 12 }, () => create({}, tenant)));
  expect(made.filter(({ status }) => status === 201)).toHaveLength(10);
  expect(made.find(({ status }) => status === 409)?.body.detail).toBe(
    'There are 10 webhooks; allowed are 10: delete one first.',
  );
});

test('an installation that sends none says so', async () => {
  expect((await owner('GET', '/v1/me')).body.webhooks).toBe(true);
  const without = await startHarness();
  try {
    const other = await without.owner();
    expect((await other('GET', '/v1/me')).body.webhooks).toBe(false);
    expect((await create({}, other)).body.detail).toBe(
      'This installation sends no webhooks; its operator sets WEBHOOK_PORTS (docs/webhooks.md).',
    );
  } finally {
    await without.close();
  }
});

test('a key sets it that an owner made, for as long as its maker is one', async () => {
  const added = (await owner('POST', '/v1/members', { email: 'two@key.example', name: 'Two', role: 'admin' })).body;
  const maker = await harness.signIn(added.sign_in_token);
  const scopes = ['admin', 'documents:read', 'documents:write', 'chat'];
  const { secret } = (await maker('POST', '/v1/keys', { name: 'K', scopes })).body;
  const key: Caller = (method, path, body) => harness.nobody(method, path, body, { authorization: `Bearer ${secret}` });
  const become = (role: string) => owner('PATCH', `/v1/members/${added.id}`, { role });
  expect(await create({}, key)).toMatchObject({
    status: 403,
    body: { detail: 'Whoever made the key is no owner here; this needs the key of one.' },
  });
  await become('owner');
  expect((await create({}, key)).status).toBe(201);
  // It makes no owners all the same.
  expect((await key('DELETE', `/v1/members/${added.id}`)).body.detail).toContain('You are a key here');
  await become('admin');
  expect((await key('GET', '/v1/webhooks')).status).toBe(403);
});
