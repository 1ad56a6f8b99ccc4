/** One-time links: made for a membership or for the installation's owner, looked at, used up. */
import { type Kysely, sql, type Transaction } from 'kysely';
import { hashSecret, newSecret } from '../../../shared/auth/auth.ts';
import type { LinkOwner } from '../../../shared/contract/people.ts';
import { ProblemError } from '../../../shared/http/problem.ts';
import type { Tables } from '../../../shared/postgres/tables.ts';
import { accept, lockPerson, proveAddress } from './proof.ts';
import type { NewSession } from './sessions.ts';

/** A person copies the link from the terminal to a browser, or finds it in their mail: a day is enough. */
export const linkLifetimeS = 24 * 3600;

export interface NewLink {
  readonly personId: string;
  /** The membership that it accepts. Null: the owner of the installation, who reads it from the terminal. */
  readonly memberId: string | null;
  /** It goes to the address and is shown to nobody. */
  readonly mailed: boolean;
}

/** A one-time link's token; only its hash is kept. */
export async function createLink(
  db: Pick<Transaction<Tables>, 'insertInto'>,
  { personId, memberId, mailed }: NewLink,
): Promise<string> {
  const token = newSecret('');
  await db
    .insertInto('sign_in_links')
    .values({
      token_sha256: hashSecret(token),
      person_id: personId,
      member_id: memberId,
      mailed,
      expires_at: new Date(Date.now() + linkLifetimeS * 1000),
    })
    .execute();
  return token;
}

/** A link that works: it names a membership that is there, or is the installation's owner's. */
const working = (db: Kysely<Tables> | Transaction<Tables>, token: string) =>
  db
    .selectFrom('sign_in_links as l')
    .innerJoin('people as p', 'p.id', 'l.person_id')
    .leftJoin('members as m', 'm.id', 'l.member_id')
    .leftJoin('tenants as t', 't.id', 'm.tenant_id')
    .select(['l.person_id', 'l.member_id', 'l.mailed', 'l.expires_at', 'm.tenant_id', 't.name as tenant_name'])
    .select(['p.email', sql<string>`coalesce(m.name, p.name)`.as('name')])
    .where('l.token_sha256', '=', hashSecret(token))
    .where('l.expires_at', '>', sql<Date>`now()`)
    .where((or) => or.or([or('m.id', 'is not', null), or('p.operator', '=', true)]));

/** @throws ProblemError `gone` */
export async function inspectLink(db: Kysely<Tables>, token: string): Promise<LinkOwner> {
  const link = await working(db, token).executeTakeFirst();
  if (!link) throw gone();
  return {
    name: link.name,
    email: link.email,
    tenant: link.tenant_name === null ? null : { name: link.tenant_name },
    expires_at: link.expires_at.toISOString(),
  };
}

/** Uses a link up; the membership it is for counts from now on. @throws ProblemError `gone` */
export async function redeemLink(trx: Transaction<Tables>, token: string): Promise<NewSession> {
  const found = await working(trx, token).executeTakeFirst();
  if (!found) throw gone();
  await lockPerson(trx, found.person_id);
  // Of two that come at once, one gets in; what happened before the lock was ours counts.
  const link = await working(trx, token).executeTakeFirst();
  const { numDeletedRows } = await trx
    .deleteFrom('sign_in_links')
    .where('token_sha256', '=', hashSecret(token))
    .executeTakeFirst();
  if (!link || numDeletedRows === 0n) throw gone();
  const { person_id: personId, member_id: memberId, tenant_id: tenantId, mailed } = link;
  if (!memberId || !tenantId) return { personId, confinedTo: null };
  if (mailed) await proveAddress(trx, personId);
  await accept(trx, personId, memberId);
  return { personId, tenantId, confinedTo: mailed ? null : [tenantId] };
}

const gone = () =>
  new ProblemError(
    'gone',
    'This link was used already, is older than a day, or is not whole. Ask an admin for a new one.',
  );
