/** The owner of an installation, made at first start, and their one-time sign-in link. */
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { Database } from '../../shared/postgres/database.ts';
import { createLink } from './sign-in/links.ts';

/** Until the owner gives one; `.invalid` can never be anybody's (RFC 2606). */
export const placeholderEmail = 'owner@bulkhead.invalid';

/** Makes sure that there is an owner with a tenant. @returns a token for `POST /v1/auth/link:redeem`, valid once, 24 h */
export async function ownerLink(db: Database): Promise<string> {
  return db.transaction().execute(async (trx) => {
    // Two that come at once must not make two owners.
    await sql`select pg_advisory_xact_lock(hashtext('bulkhead owner'))`.execute(trx);
    const owner = await trx
      .selectFrom('people')
      .select('id')
      .where('operator', '=', true)
      .orderBy('created_at')
      .executeTakeFirst();
    if (owner) return createLink(trx, { personId: owner.id, memberId: null, mailed: false });
    const [personId, tenantId] = [uuidv7(), uuidv7()];
    await trx
      .insertInto('people')
      .values({ id: personId, name: 'Owner', email: placeholderEmail, operator: true })
      .execute();
    await trx.insertInto('tenants').values({ id: tenantId, name: 'My tenant', slug: tenantId }).execute();
    await trx
      .insertInto('members')
      .values({ id: uuidv7(), tenant_id: tenantId, person_id: personId, role: 'owner', accepted_at: new Date() })
      .execute();
    return createLink(trx, { personId, memberId: null, mailed: false });
  });
}
