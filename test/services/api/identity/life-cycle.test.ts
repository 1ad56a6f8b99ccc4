/**
 * Any order of what two tenants, the person of an address and an attacker can do with it. The attacker administers
 * tenant A and keeps every link, session and password that he ever got hold of.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ownerLink } from '../../../../services/api/identity/owner.ts';
import { type Mailbox, startMailbox } from '../../../support/mailbox.ts';
import { type Caller, cookieOf, type Harness, publicUrl, startHarness } from '../harness.ts';

const steps = [
  'A adds',
  'A removes',
  'A invites again',
  'A raises',
  'B adds',
  'B removes',
  'B invites again',
  'attacker uses links',
  'attacker sets passwords',
  'attacker signs in',
  'attacker changes the password',
  'person uses the link of B',
  'person uses the link of A',
  'person sets a password',
] as const;
type Step = (typeof steps)[number];

const attackersPassword = 'chosen by the attacker';
const personsPassword = 'chosen by the person';

describe.each(['with mail', 'without mail'] as const)('%s', (mode) => {
  let mailbox: Mailbox | undefined;
  let harness: Harness;
  let a: { id: string; by: Caller };
  let b: { id: string; by: Caller };
  let networks = 0;
  const from = () => {
    networks += 1;
    return { 'x-forwarded-for': `10.${networks >> 16}.${(networks >> 8) & 255}.${networks & 255}`, origin: publicUrl };
  };

  beforeAll(async () => {
    mailbox = mode === 'with mail' ? await startMailbox() : undefined;
    harness = await startHarness(mailbox && { SMTP_URL: mailbox.url, MAIL_FROM: 'no-reply@bulkhead.example' });
    const tenant = async (name: string) => {
      const by = await harness.signIn(await ownerLink(harness.db));
      const { id } = (await by('POST', '/v1/tenants', { name })).body;
      await by('POST', '/v1/auth/tenant:switch', { tenant_id: id });
      return { id, by };
    };
    [a, b] = [await tenant('A'), await tenant('B')];
  });
  afterAll(async () => {
    await harness.close();
    await mailbox?.close();
  });

  const session = async (path: string, body: object): Promise<Caller | null> => {
    const answer = await harness.nobody('POST', path, body, from());
    if (answer.status !== 200) return null;
    const credentials = { cookie: cookieOf(answer), origin: publicUrl };
    return (method, path, body) => harness.nobody(method, path, body, credentials);
  };
  const tenantsOf = async (who: Caller): Promise<string[]> => {
    const { status, body } = await who('GET', '/v1/me');
    return status === 200 ? body.tenants.map(({ id }: { id: string }) => id) : [];
  };

  let runs = 0;
  async function life(order: readonly Step[]): Promise<void> {
    runs += 1;
    const email = `run${runs}@example.com`;
    const members: Record<'A' | 'B', string | null> = { A: null, B: null };
    /** The newest link of each tenant, as the person gets it: by mail, or handed over. */
    const links: Record<'A' | 'B', string | null> = { A: null, B: null };
    const attacker = { links: [] as string[], sessions: [] as Caller[] };
    let person: Caller | null = null;
    let personMayActInB = false;

    const invited = (tenant: 'A' | 'B', body: { id: string; sign_in_token: string | null; invitation: string }) => {
      members[tenant] = body.id;
      expect(body.invitation).toBe(mailbox ? 'mailed' : 'shown');
      expect(body.sign_in_token === null).toBe(mailbox !== undefined);
      links[tenant] = body.sign_in_token ?? (mailbox as Mailbox).tokenFor(email);
      if (tenant === 'A' && body.sign_in_token) attacker.links.push(body.sign_in_token);
    };
    const add = async (name: 'A' | 'B', { by }: { by: Caller }) => {
      if (members[name]) return;
      const answer = await by('POST', '/v1/members', { email, name: `As ${name} says`, role: 'member' });
      // Nobody is locked out by what another tenant did.
      expect(answer.status).toBe(201);
      invited(name, answer.body);
    };
    const remove = async (name: 'A' | 'B', { by }: { by: Caller }) => {
      if (members[name]) expect((await by('DELETE', `/v1/members/${members[name]}`)).status).toBe(200);
      members[name] = null;
      if (name === 'B') personMayActInB = false;
    };
    const invite = async (name: 'A' | 'B', { by }: { by: Caller }) => {
      if (!members[name]) return;
      const answer = await by('POST', `/v1/members/${members[name]}:invite`);
      if (answer.status === 200) invited(name, answer.body);
    };
    const use = async (name: 'A' | 'B') => {
      const token = links[name];
      if (!token) return;
      links[name] = null;
      const opened = await session('/v1/auth/link:redeem', { token });
      if (!opened) return;
      person = opened;
      if (name === 'B') {
        personMayActInB = true;
        expect(await tenantsOf(opened)).toContain(b.id);
      }
    };

    const actions: Record<Step, () => Promise<unknown>> = {
      'A adds': () => add('A', a),
      'A removes': () => remove('A', a),
      'A invites again': () => invite('A', a),
      'A raises': async () =>
        members.A &&
        a
          .by('PATCH', `/v1/members/${members.A}`, { role: 'owner' })
          .then(() => a.by('PATCH', `/v1/members/${members.A}`, { role: 'member' })),
      'B adds': () => add('B', b),
      'B removes': () => remove('B', b),
      'B invites again': () => invite('B', b),
      'attacker uses links': async () => {
        for (const token of attacker.links) {
          const opened = await session('/v1/auth/link:redeem', { token });
          if (opened) attacker.sessions.push(opened);
        }
      },
      'attacker sets passwords': async () => {
        for (const who of attacker.sessions)
          await who('POST', '/v1/auth/password:set', { new_password: attackersPassword });
      },
      'attacker changes the password': async () => {
        for (const who of attacker.sessions)
          await who('POST', '/v1/auth/password:set', {
            name: 'Attacker',
            current_password: attackersPassword,
            new_password: attackersPassword,
          });
      },
      'attacker signs in': async () => {
        const opened = await session('/v1/auth/sign-in/email', { email, password: attackersPassword });
        if (opened) attacker.sessions.push(opened);
      },
      'person uses the link of B': () => use('B'),
      'person uses the link of A': () => use('A'),
      'person sets a password': async () =>
        person?.('POST', '/v1/auth/password:set', { current_password: personsPassword, new_password: personsPassword }),
    };

    for (const step of order) {
      await actions[step]();
      for (const who of attacker.sessions) {
        const reached = await tenantsOf(who);
        // With mail he never comes in at all; without, as nobody but a member of his own tenant.
        expect(reached.filter((id) => mailbox !== undefined || id !== a.id)).toEqual([]);
        expect((await who('POST', '/v1/auth/tenant:switch', { tenant_id: b.id })).status).not.toBe(200);
      }
      if (mailbox && person && personMayActInB) expect(await tenantsOf(person)).toContain(b.id);
    }
  }

  test('the attacker never acts in the other tenant, and never locks the person out of it', async () => {
    const takeover: Step[] = ['A adds', 'attacker uses links', 'attacker sets passwords', 'A removes', 'B adds'];
    await life([...takeover, 'attacker signs in', 'person uses the link of B', 'attacker signs in']);
    await life([...takeover, 'A adds', 'attacker uses links', 'person uses the link of B', 'A invites again']);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...steps), { minLength: 6, maxLength: 16 }), life),
      // Bounded in time, not only in number: each life is a hundred requests.
      { numRuns: 40, interruptAfterTimeLimit: 40_000, markInterruptAsFailure: false },
    );
  }, 180_000);
});
