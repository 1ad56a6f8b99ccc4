/** How a person learns of a membership that waits for them: by mail, or by a link that the inviter hands over. */
import type { Transaction } from 'kysely';
import type { Identity } from '../../shared/auth/identity.ts';
import type { InvitedMember, Member } from '../../shared/contract/people.ts';
import type { Tables } from '../../shared/postgres/tables.ts';
import type { Api } from '../context.ts';
import { invitation } from './mail.ts';
import { createLink } from './sign-in/links.ts';

type Invited = Pick<Member, 'id' | 'person_id'>;

/** Within the transaction that made or found the member: their earlier links end. Null: no link is of use. */
export async function newLink(
  trx: Transaction<Tables>,
  { mailer }: Api,
  { id: memberId, person_id: personId }: Invited,
  identity: Identity,
): Promise<string | null> {
  await trx.deleteFrom('sign_in_links').where('member_id', '=', memberId).execute();
  // A key that was given a link could act as a person, beyond its scopes.
  if (!mailer.configured && identity.keyId) return null;
  return createLink(trx, { personId, memberId, mailed: mailer.configured });
}

/** After that transaction: no connection waits for a mail server. */
export async function deliver(
  { db, mailer, settings }: Api,
  member: Member,
  token: string | null,
  { tenantId }: Identity,
): Promise<InvitedMember> {
  if (token === null) return { ...member, invitation: 'withheld', sign_in_token: null };
  if (!mailer.configured) return { ...member, invitation: 'shown', sign_in_token: token };
  const tenant = await db.selectFrom('tenants').select('name').where('id', '=', tenantId).executeTakeFirstOrThrow();
  const link = new URL(`/sign-in#token=${token}`, settings.PUBLIC_URL).href;
  const sent = await mailer.send({ to: member.email, ...invitation(tenant.name, link) });
  return { ...member, invitation: sent ? 'mailed' : 'mail-failed', sign_in_token: null };
}
