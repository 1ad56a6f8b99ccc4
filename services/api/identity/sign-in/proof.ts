/**
 * What a proof of an address changes, and what leaving a tenant ends. Callers hold the person's row
 * ({@link lockPerson}), so that proofs, invitations and removals of one person come one after the other.
 */
import { sql, type Transaction } from 'kysely';
import type { Tables } from '../../../shared/postgres/tables.ts';

type Trx = Transaction<Tables>;

/** Weaker than `for update`: rows that name the person may still be written. */
export async function lockPerson(trx: Trx, personId: string): Promise<void> {
  await trx.selectFrom('people').select('id').where('id', '=', personId).forNoKeyUpdate().execute();
}

/**
 * The person has shown that the address is theirs: what others may hold in their name, because it came without such a
 * proof, ends.
 */
export async function proveAddress(trx: Trx, personId: string): Promise<void> {
  await trx.updateTable('people').set({ email_verified: true }).where('id', '=', personId).execute();
  await trx.deleteFrom('sessions').where('person_id', '=', personId).where('confined_to', 'is not', null).execute();
  await trx.deleteFrom('accounts').where('person_id', '=', personId).where('confined_to', 'is not', null).execute();
  await trx
    .deleteFrom('sign_in_links')
    .where('person_id', '=', personId)
    .where('member_id', 'is not', null)
    .where('mailed', '=', false)
    .execute();
  await trx.updateTable('members').set({ name: null }).where('person_id', '=', personId).execute();
}

/** The memberships that wait for the person, or the one given. */
export async function accept(trx: Trx, personId: string, memberId?: string): Promise<void> {
  await trx
    .updateTable('members')
    .set({ accepted_at: sql<Date>`now()` })
    .where('person_id', '=', personId)
    .where('accepted_at', 'is', null)
    .$if(memberId !== undefined, (one) => one.where('id', '=', memberId as string))
    .execute();
}

/**
 * After the membership is gone: keys that the person made there end, and so does what acts there alone. Without any
 * tenant left, all sessions and links end; a password that came with a proof stays the person's.
 */
export async function afterLeaving(trx: Trx, personId: string, tenantId: string): Promise<void> {
  await trx
    .updateTable('api_keys')
    .set({ revoked_at: sql<Date>`coalesce(revoked_at, now())` })
    .where('created_by', '=', personId)
    .where('tenant_id', '=', tenantId)
    .execute();
  await release(trx, personId, [tenantId]);
  const stays = await trx
    .selectFrom('members')
    .select('id')
    .where('person_id', '=', personId)
    .where('accepted_at', 'is not', null)
    .executeTakeFirst();
  if (stays) return;
  await trx.deleteFrom('sessions').where('person_id', '=', personId).execute();
  await trx.deleteFrom('accounts').where('person_id', '=', personId).where('confined_to', 'is not', null).execute();
  // Links of memberships that still wait belong to other tenants; those of this one went with it.
  await trx.deleteFrom('sign_in_links').where('person_id', '=', personId).where('member_id', 'is', null).execute();
}

/** Takes tenants from confined passwords, and from sessions but one; what is left without any goes. */
export async function release(
  trx: Trx,
  personId: string,
  tenantIds: readonly string[],
  exceptToken = '',
): Promise<void> {
  const gone = sql`${[...tenantIds]}::uuid[]`;
  for (const [table, others] of [
    ['sessions', sql`token <> ${exceptToken}`],
    ['accounts', sql`true`],
  ] as const) {
    await sql`
      update ${sql.table(table)} set confined_to = array(select unnest(confined_to) except select unnest(${gone}))
      where person_id = ${personId} and confined_to && ${gone} and ${others}`.execute(trx);
    await sql`
      delete from ${sql.table(table)} where person_id = ${personId} and cardinality(confined_to) = 0`.execute(trx);
  }
}
