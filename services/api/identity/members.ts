/** The people of a tenant and their roles. Whoever is added belongs to it once they have accepted. */
import { sql, type Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { assertMayGiveRole } from '../../shared/auth/auth.ts';
import type { Identity } from '../../shared/auth/identity.ts';
import type { Member, Role } from '../../shared/contract/people.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { cutPage, readCursor } from '../../shared/http/keyset.ts';
import { notFound, ProblemError } from '../../shared/http/problem.ts';
import type { Tables } from '../../shared/postgres/tables.ts';
import type { Api } from '../context.ts';
import { deliver, newLink } from './invitations.ts';
import { afterLeaving, lockPerson } from './sign-in/proof.ts';

export function serveMembers(api: Api): void {
  const { app, db, mailer, invitationLimits } = api;
  serve(app, routes.listMembers, async ({ identity, query }) => {
    const after = readCursor(query.cursor);
    const rows = await members(db)
      .where('m.tenant_id', '=', identity.tenantId)
      .$if(after !== null, (all) => all.where('m.id', '>', after as string))
      .orderBy('m.id')
      .limit(query.limit + 1)
      .execute();
    const { page, next_cursor } = cutPage(rows, query.limit);
    return { data: page.map(toMember), next_cursor };
  });

  serve(app, routes.addMember, async ({ identity, body }) => {
    assertMayGive(identity, body.role);
    const email = body.email.toLowerCase();
    if (mailer.configured) await invitationLimits.mail(identity.tenantId, email);
    const { member, token } = await db.transaction().execute(async (trx) => {
      const personId = await personFor(trx, email, body.name);
      const id = uuidv7();
      const made = await trx
        .insertInto('members')
        .values({ id, tenant_id: identity.tenantId, person_id: personId, role: body.role, name: body.name })
        .onConflict((on) => on.columns(['tenant_id', 'person_id']).doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!made) throw new ProblemError('conflict', `${email} is a member already.`);
      const member = toMember(await members(trx).where('m.id', '=', id).executeTakeFirstOrThrow());
      return { member, token: await newLink(trx, api, member, identity) };
    });
    return deliver(api, member, token, identity);
  });

  serve(app, routes.inviteMember, async ({ identity, params }) => {
    const { email } = toMember(await oneOf(db, identity, params.member));
    if (mailer.configured) await invitationLimits.mail(identity.tenantId, email);
    const { member, token } = await db.transaction().execute(async (trx) => {
      await lockMember(trx, identity, params.member);
      const member = toMember(await oneOf(trx, identity, params.member));
      assertMayGive(identity, member.role);
      // The link of somebody who is in would let the inviter act as them.
      if (member.accepted_at && !mailer.configured)
        throw new ProblemError(
          'conflict',
          `${member.email} has accepted already, and no mail is set up. Remove and add them to give them a new link.`,
        );
      return { member, token: await newLink(trx, api, member, identity) };
    });
    return deliver(api, member, token, identity);
  });

  serve(app, routes.patchMember, async ({ identity, params, body }) => {
    assertMayGive(identity, body.role);
    return db.transaction().execute(async (trx) => {
      await lockMember(trx, identity, params.member, { leaves: body.role !== 'owner' });
      await trx.updateTable('members').set({ role: body.role }).where('id', '=', params.member).execute();
      // Who was shown it, for the role that they gave, does not come in with another.
      await trx
        .deleteFrom('sign_in_links')
        .where('member_id', '=', params.member)
        .where('mailed', '=', false)
        .execute();
      return toMember(await oneOf(trx, identity, params.member));
    });
  });

  serve(app, routes.removeMember, async ({ identity, params }) => {
    await db.transaction().execute(async (trx) => {
      const personId = await lockMember(trx, identity, params.member, { leaves: true });
      await trx.deleteFrom('members').where('id', '=', params.member).execute();
      await afterLeaving(trx, personId, identity.tenantId);
    });
    return { id: params.member, deleted: true as const };
  });
}

/** The person with this address, made if there is none. Nobody is told which: an address on file may be another tenant's. */
async function personFor(trx: Transaction<Tables>, email: string, name: string): Promise<string> {
  const made = await trx
    .insertInto('people')
    .values({ id: uuidv7(), name, email })
    .onConflict((on) => on.column('email').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (made) return made.id;
  const person = await trx
    .selectFrom('people')
    .select('id')
    .where('email', '=', email)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow();
  return person.id;
}

/**
 * Holds the person and the tenant's owners, so that two owners cannot leave at once.
 *
 * @returns the person's id. @throws ProblemError
 */
async function lockMember(
  trx: Transaction<Tables>,
  identity: Identity,
  id: string,
  { leaves = false } = {},
): Promise<string> {
  const { person_id: personId } = await oneOf(trx, identity, id);
  await lockPerson(trx, personId);
  const owners = await trx
    .selectFrom('members')
    .select('id')
    .where('tenant_id', '=', identity.tenantId)
    .where('role', '=', 'owner')
    // Who was only invited may never come.
    .where('accepted_at', 'is not', null)
    .orderBy('id')
    .forUpdate()
    .execute();
  const member = await trx
    .selectFrom('members')
    .select('role')
    .where('id', '=', id)
    .where('tenant_id', '=', identity.tenantId)
    .forUpdate()
    .executeTakeFirst();
  if (!member) throw notFound('member', id);
  if (member.role !== 'owner') return personId;
  assertMayGive(identity, 'owner');
  if (leaves && owners.length === 1 && owners[0]?.id === id)
    throw new ProblemError('conflict', 'This is the only owner of the tenant; make another member owner first.');
  return personId;
}

function assertMayGive(identity: Identity, role: Role): void {
  assertMayGiveRole(identity, role);
  if (role === 'owner' && (identity.keyId || identity.role !== 'owner'))
    throw new ProblemError(
      'forbidden',
      `You are ${identity.keyId ? 'a key' : identity.role} here; only an owner makes, changes or removes owners.`,
    );
}

const members = (db: Pick<Transaction<Tables>, 'selectFrom'>) =>
  db
    .selectFrom('members as m')
    .innerJoin('people as p', 'p.id', 'm.person_id')
    .select(['m.id', 'm.person_id', 'p.email', 'm.role', 'm.created_at', 'm.accepted_at'])
    .select(sql<string>`coalesce(m.name, p.name)`.as('name'));

async function oneOf(db: Pick<Transaction<Tables>, 'selectFrom'>, { tenantId }: Identity, id: string) {
  const row = await members(db).where('m.id', '=', id).where('m.tenant_id', '=', tenantId).executeTakeFirst();
  if (!row) throw notFound('member', id);
  return row;
}

function toMember(row: Awaited<ReturnType<typeof oneOf>>): Member {
  return {
    ...row,
    role: row.role as Role,
    created_at: row.created_at.toISOString(),
    accepted_at: row.accepted_at?.toISOString() ?? null,
  };
}
