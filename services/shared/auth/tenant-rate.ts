/**
 * What one tenant may ask of a replica while others ask too. A replica answers in the order in which requests come: a
 * tenant that sends as many as it can fills the queue that everybody stands in. So while more than one tenant is active,
 * each gets a rate that leaves most of the replica idle for the rest; a tenant alone may use all of it.
 *
 * The rate is counted by the generic cell rate algorithm (ITU-T I.371, annex A), in memory: what is protected is this
 * replica, and a refusal costs neither PostgreSQL nor Redis.
 */
import { LRUCache } from 'lru-cache';
import { ProblemError } from '../http/problem.ts';

export interface TenantRateOptions {
  /** Setting TENANT_REQUESTS_PER_SECOND. */
  readonly perSecond: number;
  /** Milliseconds; only differences matter. */
  readonly now?: () => number;
}

export interface TenantRate {
  /** Counts one request. @throws ProblemError `too-many-requests` */
  take(tenantId: string): void;
}

/**
 * Requests at once: those of an uploader with as many files under way as a tenant may have (transfer-limits.ts), and of a
 * page that opens meanwhile. They are also the longest queue that others stand behind.
 */
export const burst = 48;
/** A tenant that asked within this time is active: longer than the pause between two looks of a page at its jobs. */
export const activeMs = 10_000;
/** About 1 MiB. The tenant not seen for longest starts anew, with a whole burst. */
const tenantsMax = 10_000;

export function createTenantRate({ perSecond, now = () => performance.now() }: TenantRateOptions): TenantRate {
  if (!(perSecond > 0)) throw new Error(`requests of a tenant per second are ${perSecond}, allowed is more than 0`);
  const intervalMs = 1000 / perSecond;
  /** When the next request of a tenant is due, if they came evenly. */
  const due = new LRUCache<string, number>({ max: tenantsMax });
  /** The tenant that asked last, and the one before that was another. */
  let last = { tenantId: '', at: Number.NEGATIVE_INFINITY };
  let other = last;
  return {
    take: (tenantId) => {
      const at = now();
      if (last.tenantId !== tenantId) other = last;
      last = { tenantId, at };
      const dueAt = Math.max(at, due.get(tenantId) ?? at);
      const aheadMs = dueAt - at - (burst - 1) * intervalMs;
      if (aheadMs <= 0) {
        due.set(tenantId, dueAt + intervalMs);
        return;
      }
      // Alone: nothing is owed later for what nobody missed.
      if (at - other.at > activeMs) return;
      throw new ProblemError(
        'too-many-requests',
        `Allowed are ${perSecond} requests a second of one tenant while others ask too. Come back in 1 s.`,
        { retryAfterS: Math.max(1, Math.ceil(aheadMs / 1000)) },
      );
    },
  };
}
