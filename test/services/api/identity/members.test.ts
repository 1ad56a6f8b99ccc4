import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, type Harness, startHarness } from '../harness.ts';

let harness: Harness;
let owner: Caller;
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
});
afterAll(() => harness.close());

const add = (by: Caller, email: string, role = 'member') => by('POST', '/v1/members', { email, name: 'Bo', role });

test('a new person gets a link; adding them twice is refused', async () => {
  const added = await add(owner, 'Bo@Example.com');
  expect(added.body).toMatchObject({ email: 'bo@example.com', role: 'member', sign_in_token: expect.any(String) });
  const again = await add(owner, 'bo@example.com');
  expect([again.status, again.body.detail]).toEqual([409, 'bo@example.com is a member already.']);
});

test('who was removed is out at once, and gets a new link when added again; an earlier password is none', async () => {
  const added = (await add(owner, 'cy@example.com')).body;
  const cy = await harness.signIn(added.sign_in_token);
  expect((await owner('DELETE', `/v1/members/${added.id}`)).body).toEqual({ id: added.id, deleted: true });
  expect((await cy('GET', '/v1/me')).status).toBe(401);
  const again = (await add(owner, 'cy@example.com')).body;
  expect(again.sign_in_token).toEqual(expect.any(String));
  await (await harness.signIn(again.sign_in_token))('POST', '/v1/auth/password:set', { new_password: 'ten letters' });
  await owner('DELETE', `/v1/members/${again.id}`);
  const third = (await add(owner, 'cy@example.com')).body;
  const anew = await harness.signIn(third.sign_in_token);
  expect((await anew('GET', '/v1/me')).body.person.has_password).toBe(false);
});

test('an address that another tenant has added is nobody’s yet: each tenant adds it, and sees its own name for it', async () => {
  const stranger = await harness.otherTenant();
  await add(stranger, 'dee@example.com');
  const admin = await harness.person('admin');
  const added = await admin('POST', '/v1/members', { email: 'dee@example.com', name: 'Dee', role: 'member' });
  expect(added).toMatchObject({ status: 201, body: { name: 'Dee', accepted_at: null, invitation: 'shown' } });
  const dee = await harness.signIn(added.body.sign_in_token);
  expect((await dee('GET', '/v1/me')).body).toMatchObject({
    person: { name: 'Dee' },
    tenants: [{ name: 'My tenant' }],
  });
});

test('only owners make, change and remove owners, and one always stays', async () => {
  const admin = await harness.person('admin');
  const refused = await add(admin, 'eve@example.com', 'owner');
  expect([refused.status, refused.body.detail]).toEqual([
    403,
    'You are admin here; only an owner makes, changes or removes owners.',
  ]);
  const members = (await owner('GET', '/v1/members')).body.data as { id: string; role: string }[];
  const first = members.find(({ role }) => role === 'owner')?.id;
  expect((await admin('DELETE', `/v1/members/${first}`)).status).toBe(403);
  const last = await owner('DELETE', `/v1/members/${first}`);
  expect([last.status, last.body.code]).toEqual([409, 'conflict']);
  expect((await owner('PATCH', `/v1/members/${first}`, { role: 'viewer' })).status).toBe(409);
});

test('two owners cannot both leave at the same moment', async () => {
  const second = (await add(owner, 'fay@example.com', 'owner')).body;
  const fay = await harness.signIn(second.sign_in_token);
  const members = (await owner('GET', '/v1/members')).body.data as { id: string; role: string }[];
  const owners = members.filter(({ role }) => role === 'owner').map(({ id }) => id);
  const answers = await Promise.all([
    owner('PATCH', `/v1/members/${owners[0]}`, { role: 'admin' }),
    fay('PATCH', `/v1/members/${owners[1]}`, { role: 'admin' }),
  ]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
});

test('lists come in pages', async () => {
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body } = await owner('GET', `/v1/members?limit=2${cursor && `&cursor=${cursor}`}`);
    expect(body.data.length).toBeLessThanOrEqual(2);
    seen.push(...body.data.map(({ id }: { id: string }) => id));
    cursor = body.next_cursor;
  }
  const all = (await owner('GET', '/v1/members')).body.data.map(({ id }: { id: string }) => id);
  expect(seen).toEqual(all);
  const wrong = await owner('GET', '/v1/members?cursor=zzz');
  expect([wrong.status, wrong.body.detail]).toEqual([400, expect.stringContaining("The cursor 'zzz' is not valid")]);
});
