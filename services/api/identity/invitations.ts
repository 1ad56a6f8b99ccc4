/** How a person learns of a membership that waits for them: by mail, or by a link that the inviter hands over. */
import type { Redis } from 'ioredis';
import type { Transaction } from 'kysely';
import type { Identity } from '../../shared/auth/identity.ts';
import { createLimit } from '../../shared/auth/rate-limit.ts';
import type { InvitedMember, Member } from '../../shared/contract/people.ts';
import type { Tables } from '../../shared/postgres/tables.ts';
import type { Api } from '../context.ts';
import { createLink } from './links.ts';
import { invitation } from './mail.ts';

/** A tenant that moves in comes with a hundred people; more would be mail to strangers. */
export const mailsPerTenantAndHourMax = 100;
/** Of one tenant. Nobody needs more; who does not know the sender is left in peace. */
export const mailsPerAddressAndHourMax = 5;

export interface InvitationLimits {
  /** @throws ProblemError `too-many-requests` */
  mail(tenantId: string, email: string): Promise<void>;
}

export function createInvitationLimits(redis: Redis): InvitationLimits {
  const windowS = 3600;
  const [perTenant, perAddress] = [
    createLimit(redis, { name: 'mail-tenant', allowed: mailsPerTenantAndHourMax, windowS, what: 'invitations' }),
    createLimit(redis, {
      name: 'mail-address',
      allowed: mailsPerAddressAndHourMax,
      windowS,
      what: 'mails to an address',
    }),
  ];
  return {
    mail: async (tenantId, email) => {
      // Of this tenant alone: one must not use up what another may send.
      await perAddress.take(`${tenantId} ${email}`);
      await perTenant.take(tenantId);
    },
  };
}

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
