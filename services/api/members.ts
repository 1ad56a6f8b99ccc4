/** The people of a tenant and their roles. */
import type { Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { Member, Role } from '../shared/contract/people.ts';
import { routes } from '../shared/contract/routes.ts';
import { serve } from '../shared/http.ts';
import type { Identity } from '../shared/identity.ts';
import { cutPage, readCursor } from '../shared/keyset.ts';
import { notFound, ProblemError } from '../shared/problem.ts';
import type { Tables } from '../shared/tables.ts';
import type { Api } from './context.ts';
import { createLink } from './owner.ts';

export function serveMembers({ app, db }: Api): void {
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
    return db.transaction().execute(async (trx) => {
      const person = await personFor(trx, identity, email, body.name);
      const id = uuidv7();
      const made = await trx
        .insertInto('members')
        .values({ id, tenant_id: identity.tenantId, person_id: person.id, role: body.role })
        .onConflict((on) => on.columns(['tenant_id', 'person_id']).doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!made) throw new ProblemError('conflict', `${email} is a member already.`);
      const row = await members(trx).where('m.id', '=', id).executeTakeFirstOrThrow();
      return { ...toMember(row), sign_in_token: person.needsLink ? await createLink(trx, person.id) : null };
    });
  });

  serve(app, routes.patchMember, async ({ identity, params, body }) => {
    assertMayGive(identity, body.role);
    return db.transaction().execute(async (trx) => {
      await lockMember(trx, identity, params.member, body.role !== 'owner');
      await trx.updateTable('members').set({ role: body.role }).where('id', '=', params.member).execute();
      return toMember(await members(trx).where('m.id', '=', params.member).executeTakeFirstOrThrow());
    });
  });

  serve(app, routes.removeMember, async ({ identity, params }) => {
    await db.transaction().execute(async (trx) => {
      await lockMember(trx, identity, params.member, true);
      await trx.deleteFrom('members').where('id', '=', params.member).execute();
    });
    return { id: params.member, deleted: true as const };
  });
}

/**
 * The person with this address. A new one gets a link, and so does one who belongs to no tenant and never signed in.
 * Nobody else does: a link to an account that works in another tenant would hand that tenant over. For the same reason
 * only the owner of the installation brings a person of another tenant in: an address on file proves nothing yet.
 */
async function personFor(trx: Transaction<Tables>, identity: Identity, email: string, name: string) {
  const made = await trx
    .insertInto('people')
    .values({ id: uuidv7(), name, email })
    .onConflict((on) => on.column('email').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (made) return { id: made.id, needsLink: true };
  const person = await trx
    .selectFrom('people as p')
    .select((of) => [
      'p.id',
      'p.operator',
      of.exists(of.selectFrom('accounts as a').select('a.id').whereRef('a.person_id', '=', 'p.id')).as('has_account'),
      of
        .exists(
          of
            .selectFrom('members as m')
            .select('m.id')
            .whereRef('m.person_id', '=', 'p.id')
            .where('m.tenant_id', '<>', identity.tenantId),
        )
        .as('elsewhere'),
    ])
    .where('p.email', '=', email)
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (person.elsewhere && !identity.operator)
    throw new ProblemError(
      'forbidden',
      `${email} belongs to another tenant; only the owner of this installation can add them here too.`,
    );
  return { id: person.id, needsLink: !person.has_account && !person.elsewhere && !person.operator };
}

/** Holds the tenant's owners, so that two cannot leave at once. @throws ProblemError */
async function lockMember(trx: Transaction<Tables>, identity: Identity, id: string, leaves: boolean): Promise<void> {
  const owners = await trx
    .selectFrom('members')
    .select('id')
    .where('tenant_id', '=', identity.tenantId)
    .where('role', '=', 'owner')
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
  if (member.role !== 'owner') return;
  assertMayGive(identity, 'owner');
  if (leaves && owners.length === 1)
    throw new ProblemError('conflict', 'This is the only owner of the tenant; make another member owner first.');
}

function assertMayGive(identity: Identity, role: Role): void {
  if (role === 'owner' && identity.role !== 'owner')
    throw new ProblemError(
      'forbidden',
      `You are ${identity.role} here; only an owner makes, changes or removes owners.`,
    );
}

const members = (db: Pick<Transaction<Tables>, 'selectFrom'>) =>
  db
    .selectFrom('members as m')
    .innerJoin('people as p', 'p.id', 'm.person_id')
    .select(['m.id', 'm.person_id', 'p.name', 'p.email', 'm.role', 'm.created_at']);

function toMember(row: {
  id: string;
  person_id: string;
  name: string;
  email: string;
  role: string;
  created_at: Date;
}): Member {
  return { ...row, role: row.role as Role, created_at: row.created_at.toISOString() };
}
