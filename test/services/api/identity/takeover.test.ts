/** Nobody acts in a tenant that did not let them in: whoever adds an address has not proven it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ownerLink } from '../../../../services/api/identity/owner.ts';
import { type Mailbox, startMailbox } from '../../../support/mailbox.ts';
import { type Caller, cookieOf, type Harness, publicUrl, startHarness } from '../harness.ts';

let harness: Harness;
let mailbox: Mailbox | undefined;
let address = 0;
const from = () => {
  address += 1;
  return { 'x-forwarded-for': `10.1.0.${address}` };
};
const password = 'known to the attacker';

const start = async (mail: boolean) => {
  mailbox = mail ? await startMailbox() : undefined;
  harness = await startHarness(mailbox && { SMTP_URL: mailbox.url, MAIL_FROM: 'no-reply@bulkhead.example' });
};
const stop = async () => {
  await harness.close();
  await mailbox?.close();
};

/** A new tenant, and the operator's session in it. */
async function tenant(name: string): Promise<{ id: string; by: Caller }> {
  const by = await harness.signIn(await ownerLink(harness.db));
  const { id } = (await by('POST', '/v1/tenants', { name })).body;
  await by('POST', '/v1/auth/tenant:switch', { tenant_id: id });
  return { id, by };
}
const add = (by: Caller, email: string, role = 'admin') =>
  by('POST', '/v1/members', { email, name: `Said by ${role}`, role }).then(({ body }) => body);
const redeem = (token: string) => harness.nobody('POST', '/v1/auth/link:redeem', { token }, from());
const caller = (answer: { headers: object }): Caller => {
  const cookie = cookieOf(answer as Parameters<typeof cookieOf>[0]);
  return (method, path, body) => harness.nobody(method, path, body, { cookie, origin: publicUrl });
};
const byPassword = (email: string, given = password) =>
  harness.nobody('POST', '/v1/auth/sign-in/email', { email, password: given }, { ...from(), origin: publicUrl });
const tenantsOf = async (who: Caller): Promise<string[]> => {
  const { status, body } = await who('GET', '/v1/me');
  return status === 200 ? body.tenants.map(({ id }: { id: string }) => id) : [];
};

describe('without mail', () => {
  beforeAll(() => start(false));
  afterAll(stop);

  test('the tenant that added an address first does not come into another tenant as its person', async () => {
    const [a, b] = [await tenant('A'), await tenant('B')];
    const added = await add(a.by, 'victim@example.com');
    const attacker = caller(await redeem(added.sign_in_token));
    expect((await attacker('POST', '/v1/auth/password:set', { new_password: password })).status).toBe(200);
    await a.by('DELETE', `/v1/members/${added.id}`);
    await add(a.by, 'victim@example.com');

    const there = await add(b.by, 'victim@example.com');
    expect(there).toMatchObject({ invitation: 'shown', accepted_at: null });
    const tries = [attacker, caller(await byPassword('victim@example.com'))];
    for (const who of tries) expect(await tenantsOf(who)).not.toContain(b.id);

    const victim = caller(await redeem(there.sign_in_token));
    expect(await tenantsOf(victim)).toEqual([b.id]);
    for (const who of [...tries, caller(await byPassword('victim@example.com'))])
      expect(await tenantsOf(who)).not.toContain(b.id);
    expect((await victim('POST', '/v1/auth/password:set', { new_password: 'of the victim' })).status).toBe(200);
    expect(await tenantsOf(caller(await byPassword('victim@example.com', 'of the victim')))).toEqual([b.id]);
  });

  test('who is in both by links has one password for both, and neither tenant hears of the other', async () => {
    const [a, b] = [await tenant('A'), await tenant('B')];
    for (const { by } of [a, b]) {
      const person = caller(await redeem((await add(by, 'both@example.com')).sign_in_token));
      expect(await tenantsOf(person)).toHaveLength(1);
      await person('POST', '/v1/auth/password:set', { name: 'Bo', new_password: 'one for both' });
    }
    const person = caller(await byPassword('both@example.com', 'one for both'));
    expect((await tenantsOf(person)).sort()).toEqual([a.id, b.id].sort());
    const changed = { current_password: 'one for both', new_password: 'another for both' };
    expect((await person('POST', '/v1/auth/password:set', changed)).status).toBe(200);
    expect((await byPassword('both@example.com', 'one for both')).status).toBe(401);
    expect(await tenantsOf(caller(await byPassword('both@example.com', 'another for both')))).toHaveLength(2);
  });

  test('a shown link to the operator’s address gives no rights over the installation', async () => {
    await (await harness.owner())('POST', '/v1/auth/password:set', {
      email: 'operator@example.com',
      new_password: 'of the operator',
    });
    const { by } = await tenant('A');
    const admin = caller(await redeem((await add(by, 'admin@example.com')).sign_in_token));
    const { id } = (await by('GET', '/v1/members')).body.data.find(({ role }: { role: string }) => role === 'owner');
    const second = caller(await redeem((await add(by, 'second@example.com', 'owner')).sign_in_token));
    await second('DELETE', `/v1/members/${id}`);
    const asOperator = caller(await redeem((await add(admin, 'operator@example.com')).sign_in_token));
    expect((await asOperator('GET', '/v1/me')).body.operator).toBe(false);
    expect((await asOperator('GET', '/v1/tenants')).status).toBe(403);
    const moved = await asOperator('POST', '/v1/auth/password:set', { email: 'x@example.com', new_password: password });
    expect(moved.status).toBe(403);
  });

  test('an admin gets no link of an owner, and none whose role was raised after it was shown', async () => {
    const { by } = await tenant('A');
    const admin = caller(await redeem((await add(by, 'admin2@example.com')).sign_in_token));
    const owner = await add(by, 'coming@example.com', 'owner');
    expect((await admin('POST', `/v1/members/${owner.id}:invite`)).status).toBe(403);
    const raised = await add(admin, 'raised@example.com', 'viewer');
    await by('PATCH', `/v1/members/${raised.id}`, { role: 'owner' });
    expect((await redeem(raised.sign_in_token)).status).toBe(410);
    const again = await by('POST', `/v1/members/${raised.id}:invite`);
    expect(again.body).toMatchObject({ invitation: 'shown', role: 'owner' });
    expect((await redeem(again.body.sign_in_token)).body.role).toBe('owner');
  });
});

describe('with mail', () => {
  beforeAll(() => start(true));
  afterAll(stop);
  afterEach(() => {
    mailbox?.mails.splice(0);
  });

  test('the link goes to the person, and the inviter sees none', async () => {
    const { by, id } = await tenant('A');
    const added = await add(by, 'Kim@Example.com');
    expect(added).toMatchObject({ invitation: 'mailed', sign_in_token: null, accepted_at: null });
    expect(mailbox?.mails).toHaveLength(1);
    expect(mailbox?.mails[0]?.text).toContain('You are invited to "A" on Bulkhead.');
    const token = mailbox?.tokenFor('kim@example.com') as string;
    const inspected = await harness.nobody('POST', '/v1/auth/link:inspect', { token }, from());
    expect(inspected.body).toMatchObject({ email: 'kim@example.com', name: 'Said by admin', tenant: { name: 'A' } });
    const kim = caller(await redeem(token));
    expect(await tenantsOf(kim)).toEqual([id]);
    expect((await redeem(token)).status).toBe(410);
    const { data } = (await by('GET', '/v1/members')).body;
    expect(data.at(-1)).toMatchObject({ email: 'kim@example.com', accepted_at: expect.any(String) });
  });

  test('a new tenant needs a fresh proof; with it, one session is in both', async () => {
    const [a, b] = [await tenant('A'), await tenant('B')];
    await add(a.by, 'lee@example.com');
    const lee = caller(await redeem(mailbox?.tokenFor('lee@example.com') as string));
    await lee('POST', '/v1/auth/password:set', { new_password: 'of lee herself' });
    await add(b.by, 'lee@example.com');
    expect(await tenantsOf(lee)).toEqual([a.id]);
    expect(await tenantsOf(caller(await byPassword('lee@example.com', 'of lee herself')))).toEqual([a.id]);
    expect((await lee('POST', '/v1/auth/tenant:switch', { tenant_id: b.id })).status).toBe(404);
    const there = await redeem(mailbox?.tokenFor('lee@example.com') as string);
    expect(there.body.tenant.id).toBe(b.id);
    expect((await tenantsOf(lee)).sort()).toEqual([a.id, b.id].sort());
  });

  test('what came without a proof ends with one', async () => {
    const { by } = await tenant('A');
    await add(by, 'mo@example.com');
    // As an inviter did before mail was set up.
    await harness.db.updateTable('sign_in_links').set({ mailed: false }).execute();
    const attacker = caller(await redeem(mailbox?.tokenFor('mo@example.com') as string));
    await attacker('POST', '/v1/auth/password:set', { new_password: password });
    expect(await tenantsOf(attacker)).toHaveLength(1);
    const b = await tenant('B');
    await add(b.by, 'mo@example.com');
    await redeem(mailbox?.tokenFor('mo@example.com') as string);
    expect(await tenantsOf(attacker)).toEqual([]);
    expect((await byPassword('mo@example.com')).status).toBe(401);
  });

  test('who leaves the last tenant is signed out, and their links end', async () => {
    const { by } = await tenant('A');
    const added = await add(by, 'nell@example.com');
    const nell = caller(await redeem(mailbox?.tokenFor('nell@example.com') as string));
    await by('POST', `/v1/members/${added.id}:invite`);
    const token = mailbox?.tokenFor('nell@example.com') as string;
    await by('DELETE', `/v1/members/${added.id}`);
    expect((await nell('GET', '/v1/me')).status).toBe(401);
    expect((await redeem(token)).status).toBe(410);
    const rows = await harness.db
      .selectFrom('sessions')
      .select('id')
      .where('person_id', '=', added.person_id)
      .execute();
    expect(rows).toEqual([]);
  });

  test('a mail server that is away is told, and a new invitation can be sent', async () => {
    const { by } = await tenant('A');
    const url = mailbox?.url as string;
    await mailbox?.close();
    const added = await add(by, 'ola@example.com');
    expect(added).toMatchObject({ invitation: 'mail-failed', sign_in_token: null });
    expect(url).toContain('smtp://127.0.0.1');
  });
});
