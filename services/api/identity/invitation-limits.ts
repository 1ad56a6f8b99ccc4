/** How many invitations a tenant may send by mail. */
import type { Redis } from 'ioredis';
import { createLimit } from '../../shared/auth/rate-limit.ts';

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
