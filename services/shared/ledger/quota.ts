/**
 * Hard limits of a tenant: reached means `429` before any work, never a bill.
 *
 * What is taken stands in the rows of the work itself, so nothing can leak: a document takes space until it is deleted, a
 * question is in the ledger with its turn, and an open job takes the pages that it knows of and has not read. A job that
 * ends, however, takes nothing any more; its pages that were read are in the ledger.
 */
import type { FastifyReply } from 'fastify';
import { sql, type Transaction } from 'kysely';
import type { Quotas } from '../contract/people.ts';
import { ProblemError } from '../http/problem.ts';
import type { Database } from '../postgres/database.ts';
import type { Tables } from '../postgres/tables.ts';
import { usedToday } from './ledger.ts';

export interface Use {
  readonly quota: keyof Quotas;
  /** What the request would add. */
  readonly adds: number;
}

/**
 * Refuses when the tenant would be above one of these limits. Inside a transaction that holds the tenant's row
 * ({@link lockTenant}), no two requests can both take the last of a quota.
 *
 * @throws ProblemError `quota`, with `Retry-After` and the RateLimit fields of draft-ietf-httpapi-ratelimit-headers-10
 */
export async function checkQuotas(
  db: Database | Transaction<Tables>,
  tenantId: string,
  uses: readonly Use[],
  reply?: FastifyReply,
): Promise<void> {
  await checkAgainst(await limitsOf(db, tenantId), db, tenantId, uses, reply);
}

/**
 * {@link checkQuotas} holding the tenant's row until the transaction ends, so that what it then writes is counted by the
 * next. Most tenants are spared it: without a limit there is nothing to count.
 *
 * @throws ProblemError `quota`
 */
export async function takeQuotas(
  trx: Transaction<Tables>,
  tenantId: string,
  uses: readonly Use[],
  reply?: FastifyReply,
): Promise<void> {
  const limits = await lockLimited(
    trx,
    tenantId,
    uses.map(({ quota }) => quota),
  );
  await checkAgainst(limits, trx, tenantId, uses, reply);
}

/**
 * Holds the tenant's row if one of these quotas has a limit. For transactions that lock rows below the tenant before they
 * know what they take: everybody locks from the top, so that none waits for another in a circle.
 */
export async function lockLimited(
  trx: Transaction<Tables>,
  tenantId: string,
  quotas: readonly (keyof Quotas)[],
): Promise<Limits> {
  const limits = await limitsOf(trx, tenantId);
  if (quotas.some((quota) => limits[quota] !== null)) await lockTenant(trx, tenantId);
  return limits;
}

async function checkAgainst(
  limits: Limits,
  db: Database | Transaction<Tables>,
  tenantId: string,
  uses: readonly Use[],
  reply: FastifyReply | undefined,
): Promise<void> {
  for (const { quota, adds } of uses) {
    const max = limits[quota];
    if (max === null) continue;
    const used = await usedOf(db, tenantId, quota);
    if (used + adds > max) throw refusal(quota, max, used, adds, reply, new Date());
  }
}

type Limits = Readonly<Record<keyof Quotas, number | null>>;

const limitsOf = (db: Database | Transaction<Tables>, tenantId: string): Promise<Limits> =>
  db
    .selectFrom('tenants')
    .select(['documents_max', 'bytes_max', 'pages_per_day_max', 'questions_per_day_max'])
    .where('id', '=', tenantId)
    .executeTakeFirstOrThrow();

/** Serializes what counts against a tenant's quotas, until the transaction ends. */
export async function lockTenant(trx: Transaction<Tables>, tenantId: string): Promise<void> {
  await trx.selectFrom('tenants').select('id').where('id', '=', tenantId).forNoKeyUpdate().execute();
}

/** What the tenant uses of a quota now; days begin at 00:00 UTC. */
export async function usedOf(
  db: Database | Transaction<Tables>,
  tenantId: string,
  quota: keyof Quotas,
): Promise<number> {
  if (quota === 'documents_max' || quota === 'bytes_max') {
    const what = quota === 'documents_max' ? sql`count(*)` : sql`coalesce(sum(size_bytes), 0)::bigint`;
    const { rows } = await sql<{ used: number }>`
      select ${what} as used from documents where tenant_id = ${tenantId} and deleted_at is null`.execute(db);
    return rows[0]?.used ?? 0;
  }
  if (quota === 'questions_per_day_max') {
    const { rows } = await sql<{ used: number }>`select ${usedToday(tenantId, 'question')} as used`.execute(db);
    return rows[0]?.used ?? 0;
  }
  // One statement, so one moment: a checkpoint moves pages from the one sum to the other.
  const { rows } = await sql<{ used: number }>`
    select (${usedToday(tenantId, 'pages')}
      + (select coalesce(sum(pages_total - pages_done), 0) from jobs
        where tenant_id = ${tenantId} and ${sql.raw(reserving)})
    )::bigint as used`.execute(db);
  return rows[0]?.used ?? 0;
}

/** Jobs that will read pages; as the index `jobs_reserving` says it. */
const reserving = `kind = 'ingest' and pages_total is not null
  and status in ('awaiting_confirmation', 'queued', 'running', 'canceling')`;

const words = {
  documents_max: ['documents', 'documents', 'Delete some, or ask the owner of this installation for more.'],
  bytes_max: ['bytes', 'content-bytes', 'Delete documents, or ask the owner of this installation for more.'],
  pages_per_day_max: ['pages a day', 'pages', 'The day begins at 00:00 UTC.'],
  questions_per_day_max: ['questions a day', 'requests', 'The day begins at 00:00 UTC.'],
} as const;

/** Space comes free when somebody deletes; nobody knows when. Asking once an hour costs nothing. */
const spaceRetryS = 3600;

function refusal(
  quota: keyof Quotas,
  max: number,
  used: number,
  adds: number,
  reply: FastifyReply | undefined,
  now: Date,
) {
  const daily = quota.endsWith('_per_day_max');
  const midnight = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1);
  const retryAfterS = daily ? Math.ceil((midnight - now.getTime()) / 1000) : spaceRetryS;
  const [what, unit, todo] = words[quota];
  reply?.header('ratelimit-policy', `"${quota}";q=${max};qu="${unit}"${daily ? ';w=86400' : ''}`);
  reply?.header('ratelimit', `"${quota}";r=${Math.max(0, max - used)};t=${retryAfterS}`);
  return new ProblemError('quota', `Allowed are ${max} ${what}; ${used} are used and this adds ${adds}. ${todo}`, {
    retryAfterS,
  });
}
