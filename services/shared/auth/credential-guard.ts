/**
 * What stands before the check of a credential, so that guessing costs PostgreSQL nothing: a refused one is remembered,
 * and a network that brings many wrong ones is told to wait before any further is looked up.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import type { Identity } from './identity.ts';
import { createLimit, networkOf } from './rate-limit.ts';
import type { TenantRate } from './tenant-rate.ts';

/**
 * Of one network in a minute: a floor of offices whose sessions all ended stays below it. 256 random bits are not
 * guessed at any rate; this bounds the look-ups.
 */
export const wrongCredentialsPerMinuteMax = 300;
/** Refused ones are asked for again by pages and programs that have not noticed. Short: nothing else expires it. */
const refusedForMs = 30_000;
/** Each is a hash of 43 characters: about 2 MiB. */
const rememberedMax = 10_000;

export interface CredentialGuard {
  /** `check` unless it is known to be in vain, or its tenant asks too often. @throws ProblemError `too-many-requests` */
  through(ip: string, credential: string, check: () => Promise<Identity | null>): Promise<Identity | null>;
}

export function createCredentialGuard(redis: Redis | null, tenantRate: TenantRate): CredentialGuard {
  const refused = new LRUCache<string, true>({ max: rememberedMax, ttl: refusedForMs });
  // Passed once, with its tenant: colleagues of a guesser behind the same address are not held up.
  const passed = new LRUCache<string, string>({ max: rememberedMax });
  const wrong = createLimit(redis, {
    name: 'wrong-credential',
    allowed: wrongCredentialsPerMinuteMax,
    windowS: 60,
    what: 'wrong credentials',
  });
  return {
    through: async (ip, credential, check) => {
      const key = createHash('sha256').update(credential).digest('base64url');
      if (refused.has(key)) return null;
      const tenantId = passed.get(key);
      if (tenantId !== undefined) {
        tenantRate.take(tenantId);
        const identity = await check();
        if (identity) passed.set(key, identity.tenantId);
        else passed.delete(key);
        return identity;
      }
      // Counts as wrong until it is right, so that many at once do not pass together.
      const network = networkOf(ip);
      await wrong.take(network);
      let right = true;
      let identity: Identity | null;
      try {
        identity = await check();
        right = identity !== null;
      } finally {
        // Also when the check itself failed: that says nothing about the credential.
        if (right) await wrong.giveBack(network);
      }
      if (!identity) {
        refused.set(key, true);
        return null;
      }
      passed.set(key, identity.tenantId);
      tenantRate.take(identity.tenantId);
      return identity;
    },
  };
}
