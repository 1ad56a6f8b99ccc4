import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { ownerLink } from '../../../../services/api/identity/owner.ts';
import { type Caller, cookieOf, type Harness, publicUrl, startHarness } from '../harness.ts';

let harness: Harness;
let owner: Caller;
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
});
afterAll(() => harness.close());

/** Sign-in is limited per address: each test comes from its own. */
let address = 0;
const from = () => {
  address += 1;
  return { 'x-forwarded-for': `10.0.0.${address}` };
};

describe('a one-time link', () => {
  test('signs in once, also when two use it at the same moment', async () => {
    const token = await ownerLink(harness.db);
    const redeem = () => harness.nobody('POST', '/v1/auth/link:redeem', { token }, from());
    const answers = await Promise.all([redeem(), redeem(), redeem()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 410, 410]);
    const { body, headers } = answers.find(({ status }) => status === 200) as (typeof answers)[0];
    expect(body).toMatchObject({ operator: true, role: 'owner', person: { has_password: false } });
    expect(String(headers['set-cookie'])).toMatch(/^bulkhead\.session_token=.*HttpOnly; SameSite=Lax/);
    expect((await redeem()).body.detail).toContain('was used already');
  });

  test('ends after a day', async () => {
    const token = await ownerLink(harness.db);
    await harness.db
      .updateTable('sign_in_links')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .execute();
    const answer = await harness.nobody('POST', '/v1/auth/link:redeem', { token }, from());
    expect([answer.status, answer.body.code]).toEqual([410, 'gone']);
  });

  test('makes one owner however often it is asked for', async () => {
    await Promise.all(Array.from({ length: 5 }, () => ownerLink(harness.db)));
    const owners = await harness.db.selectFrom('people').select('id').where('operator', '=', true).execute();
    expect(owners).toHaveLength(1);
  });
});

describe('passwords', () => {
  const password = 'correct horse';
  const signIn = (email: string, given: string) =>
    harness.nobody('POST', '/v1/auth/sign-in/email', { email, password: given }, { ...from(), origin: publicUrl });

  test('the owner sets an address and a password, signs in with them, and out again', async () => {
    const set = await owner('POST', '/v1/auth/password:set', {
      email: 'Owner@Example.com',
      name: 'Ada',
      new_password: password,
    });
    expect(set.body.person).toMatchObject({ email: 'owner@example.com', name: 'Ada', has_password: true });
    const answer = await signIn('owner@example.com', password);
    expect(answer.status).toBe(200);
    const session = { cookie: cookieOf(answer), origin: publicUrl };
    expect((await harness.nobody('GET', '/v1/me', undefined, session)).body.person.name).toBe('Ada');
    expect((await harness.nobody('POST', '/v1/auth/sign-out', {}, session)).status).toBe(200);
    expect((await harness.nobody('GET', '/v1/me', undefined, session)).status).toBe(401);
  });

  test('a wrong password and an unknown address get the same answer', async () => {
    const [wrong, unknown] = [await signIn('owner@example.com', 'wrong'), await signIn('nobody@example.com', 'wrong')];
    expect(wrong.status).toBe(401);
    expect(wrong.headers['content-type']).toContain('application/problem+json');
    expect(unknown.body).toEqual(wrong.body);
  });

  test('changing one needs the old one, and signs everybody else out', async () => {
    const other = cookieOf(await signIn('owner@example.com', password));
    const refused = await owner('POST', '/v1/auth/password:set', {
      current_password: 'guess',
      new_password: 'ten letters',
    });
    expect([refused.status, refused.body.detail]).toEqual([403, 'current_password is not your password.']);
    const changed = { current_password: password, new_password: 'another password' };
    expect((await owner('POST', '/v1/auth/password:set', changed)).status).toBe(200);
    expect((await harness.nobody('GET', '/v1/me', undefined, { cookie: other })).status).toBe(401);
    expect((await owner('GET', '/v1/me')).status).toBe(200);
    expect((await signIn('owner@example.com', password)).status).toBe(401);
  });

  test('short ones are refused; nobody signs up; other routes of the library are closed', async () => {
    const short = await owner('POST', '/v1/auth/password:set', { new_password: 'short' });
    expect([short.status, short.body.errors[0].path]).toEqual([400, 'body/new_password']);
    for (const path of [
      'sign-up/email',
      'change-email',
      'delete-user',
      'update-user',
      'list-sessions',
      'reset-password',
    ])
      expect((await owner('POST', `/v1/auth/${path}`, {})).status).toBe(404);
  });

  test('members cannot take an address for themselves', async () => {
    const member = await harness.person('member');
    const answer = await member('POST', '/v1/auth/password:set', { email: 'boss@example.com', new_password: password });
    expect([answer.status, answer.body.detail]).toEqual([403, expect.stringContaining('only an admin can add you')]);
  });

  test('the eleventh attempt of a minute is refused, before any password is looked at', async () => {
    const ip = from();
    const attempt = () =>
      harness.nobody('POST', '/v1/auth/sign-in/email', { email: 'x@example.com', password: 'wrong one' }, ip);
    for (let count = 1; count <= 10; count += 1) expect((await attempt()).status).toBe(401);
    const refused = await attempt();
    expect([refused.status, refused.body.code]).toEqual([429, 'too-many-requests']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  });
});

describe('requests that another site causes', () => {
  test.each(['http://evil.example', 'http://127.0.0.1:9999', 'https://127.0.0.1:8000', 'null', ''])(
    'are refused with Origin %p',
    async (origin) => {
      const answer = await owner('POST', '/v1/brains', { name: 'Forged' }, { origin });
      expect([answer.status, answer.body.code]).toEqual([403, 'wrong-origin']);
      expect((await owner('GET', '/v1/me', undefined, { origin })).status).toBe(200);
    },
  );

  test('pass from this machine under its other name', async () => {
    const answer = await owner('POST', '/v1/brains', { name: 'Real' }, { origin: 'http://localhost:8000' });
    expect(answer.status).toBe(201);
  });

  test('cannot sign a person in', async () => {
    const evil = { ...from(), origin: 'http://evil.example' };
    const link = await harness.nobody('POST', '/v1/auth/link:redeem', { token: await ownerLink(harness.db) }, evil);
    expect(link.body.code).toBe('wrong-origin');
    const password = await harness.nobody(
      'POST',
      '/v1/auth/sign-in/email',
      { email: 'a@b.example', password: 'x' },
      evil,
    );
    expect(password.body.code).toBe('wrong-origin');
  });

  test('a cookie that was changed is none', async () => {
    const cookie = cookieOf(
      await harness.nobody('POST', '/v1/auth/link:redeem', { token: await ownerLink(harness.db) }, from()),
    );
    expect((await harness.nobody('GET', '/v1/me', undefined, { cookie })).status).toBe(200);
    const changed = cookie.replace(/=(.)/, (_, first) => (first === '_' ? '=-' : '=_'));
    expect((await harness.nobody('GET', '/v1/me', undefined, { cookie: changed })).status).toBe(401);
  });
});

describe('tenants', () => {
  test('a person works in one of theirs, and switches', async () => {
    const operator = await ownerLink(harness.db).then(harness.signIn);
    const made = (await operator('POST', '/v1/tenants', { name: 'Second', quotas: { documents_max: 5 } })).body;
    expect(made).toMatchObject({ quotas: { documents_max: 5, bytes_max: null }, usage: { documents: 0 } });
    const me = (await operator('POST', '/v1/auth/tenant:switch', { tenant_id: made.id })).body;
    expect(me.tenant).toEqual({ id: made.id, name: 'Second' });
    expect(me.tenants.map(({ name }: { name: string }) => name)).toEqual(['My tenant', 'Second']);
    expect((await operator('GET', '/v1/brains')).body.data).toEqual([]);
    const foreign = await operator('POST', '/v1/auth/tenant:switch', { tenant_id: uuidv7() });
    expect(foreign.status).toBe(404);
  });

  test('a suspended one refuses people and keys with a clear text, and works again when resumed', async () => {
    const stranger = await harness.otherTenant();
    const secret = (await stranger('POST', '/v1/keys', { name: 'k', scopes: ['documents:read'] })).body.secret;
    const program = () => harness.nobody('GET', '/v1/brains', undefined, { authorization: `Bearer ${secret}` });
    const { tenant } = (await stranger('GET', '/v1/me')).body;
    const suspend = (suspended: boolean) => owner('PATCH', `/v1/tenants/${tenant.id}`, { suspended });
    expect((await suspend(true)).body.suspended_at).not.toBeNull();
    for (const answer of [await stranger('GET', '/v1/brains'), await program()])
      expect([answer.status, answer.body.detail]).toEqual([
        403,
        "The tenant 'Other' is suspended. Ask the owner of this installation to resume it.",
      ]);
    await suspend(false);
    expect((await program()).status).toBe(200);
  });

  test('nobody suspends the tenant they work in', async () => {
    const { tenant } = (await owner('GET', '/v1/me')).body;
    const answer = await owner('PATCH', `/v1/tenants/${tenant.id}`, { suspended: true });
    expect([answer.status, answer.body.code]).toEqual([409, 'conflict']);
  });
});
