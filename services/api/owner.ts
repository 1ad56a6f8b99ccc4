/** The owner of an installation, made at first start, and their one-time sign-in link. */
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { hashSecret, newSecret } from '../shared/auth.ts';
import type { Database } from '../shared/database.ts';

/** Until the owner gives one; `.invalid` can never be anybody's (RFC 2606). */
export const placeholderEmail = 'owner@bulkhead.invalid';

/** A person copies the link from the terminal to a browser, or sends it to a new member: a day is enough. */
export const linkLifetimeS = 24 * 3600;

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
    if (owner) return createLink(trx, owner.id);
    const [personId, tenantId] = [uuidv7(), uuidv7()];
    await trx
      .insertInto('people')
      .values({ id: personId, name: 'Owner', email: placeholderEmail, operator: true })
      .execute();
    await trx.insertInto('tenants').values({ id: tenantId, name: 'My tenant', slug: tenantId }).execute();
    await trx
      .insertInto('members')
      .values({ id: uuidv7(), tenant_id: tenantId, person_id: personId, role: 'owner' })
      .execute();
    return createLink(trx, personId);
  });
}

/** A one-time link's token; only its hash is kept. */
export async function createLink(db: Pick<Database, 'insertInto'>, personId: string): Promise<string> {
  const token = newSecret('');
  await db
    .insertInto('sign_in_links')
    .values({
      token_sha256: hashSecret(token),
      person_id: personId,
      expires_at: new Date(Date.now() + linkLifetimeS * 1000),
    })
    .execute();
  return token;
}
