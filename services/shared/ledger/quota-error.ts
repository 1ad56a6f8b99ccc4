/** How a limit that is reached is said. */
import type { FastifyReply } from 'fastify';
import type { Quotas } from '../contract/people.ts';
import { ProblemError } from '../http/problem.ts';
import { isDaily, type Scope } from './quota-use.ts';

export interface Reached {
  readonly quota: keyof Quotas;
  readonly scope: Scope;
  readonly max: number;
  readonly used: number;
  readonly adds: number;
}

export class QuotaError extends ProblemError {
  /** When the same will be allowed; null: nobody knows, or never, because it is above the limit by itself. */
  readonly resetsAt: Date | null;

  constructor(detail: string, { retryAfterS, resetsAt }: { retryAfterS: number; resetsAt: Date | null }) {
    super('quota', detail, { retryAfterS });
    this.resetsAt = resetsAt;
  }
}

const words = {
  documents_max: ['documents', 'documents', 'Delete some, or ask the owner of this installation for more.'],
  bytes_max: ['bytes', 'content-bytes', 'Delete documents, or ask the owner of this installation for more.'],
  pages_per_day_max: ['pages a day', 'pages', 'The day begins at 00:00 UTC.'],
  questions_per_day_max: ['questions a day', 'requests', 'The day begins at 00:00 UTC.'],
  tokens_per_day_max: ['tokens a day', 'tokens', 'The day begins at 00:00 UTC.'],
  usd_per_day_max: ['US dollars a day', 'us-dollars', 'The day begins at 00:00 UTC.'],
} as const;

const whose = { environment: ' in this installation', tenant: '', key: ' with this API key' } as const;

/** Space comes free when somebody deletes; nobody knows when. Asking once an hour costs nothing. */
const spaceRetryS = 3600;

export const tomorrow = (now: Date) =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1));

export function refusal(reached: Reached, reply: FastifyReply | undefined, now: Date): QuotaError {
  const { quota, scope, max, used, adds } = reached;
  const daily = isDaily(quota);
  const resetsAt = tomorrow(now);
  const retryAfterS = daily ? Math.ceil((resetsAt.getTime() - now.getTime()) / 1000) : spaceRetryS;
  const [what, unit, todo] = words[quota];
  // What others use is nobody else's business.
  const left = scope === 'environment' ? 0 : Math.max(0, Math.floor(max - used));
  reply?.header('ratelimit-policy', `"${quota}";q=${Math.floor(max)};qu="${unit}"${daily ? ';w=86400' : ''}`);
  reply?.header('ratelimit', `"${quota}";r=${left};t=${retryAfterS}`);
  const figures =
    scope === 'environment' ? `this adds ${shown(adds)}` : `${shown(used)} are used and this adds ${shown(adds)}`;
  return new QuotaError(`Allowed are ${shown(max)} ${what}${whose[scope]}; ${figures}. ${todo}`, {
    retryAfterS,
    resetsAt: daily && adds <= max ? resetsAt : null,
  });
}

/** Dollars to a millionth. */
const shown = (amount: number) => String(Math.round(amount * 1e6) / 1e6);
