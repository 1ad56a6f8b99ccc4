/**
 * Hard limits of the whole environment, of a tenant and of an API key: reached means `429` before any work, never a bill.
 *
 * What is taken stands in the rows of the work itself, so nothing can leak: a document takes space until it is deleted, a
 * question is in the ledger with its turn, and an open job takes the pages that it knows of and has not read, with their
 * price, and the price of its vectors until they are made. A job that ends otherwise takes nothing any more; its pages that
 * were read are in the ledger. Tokens and dollars that a call
 * may use stand in `reservations` until what it did use is in the ledger (reservations.ts).
 */
import type { FastifyReply } from 'fastify';
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { Quotas } from '../contract/people.ts';
import { notFound, ProblemError } from '../http/problem.ts';
import type { Database } from '../postgres/database.ts';
import type { Tables } from '../postgres/tables.ts';
import { refusal } from './quota-error.ts';
import { type Charged, dayQuotas, type Scope, usedIn, usedInEach } from './quota-use.ts';

export interface Use {
  readonly quota: keyof Quotas;
  /** What the request would add. */
  readonly adds: number;
}

type Db = Database | Transaction<Tables>;

/**
 * Refuses when the environment, the tenant or the key would be above one of these limits. Inside a transaction that holds
 * their locks ({@link lockLimited}), no two requests can both take the last of a quota.
 *
 * @throws QuotaError with `Retry-After` and the RateLimit fields of draft-ietf-httpapi-ratelimit-headers-10
 */
export async function checkQuotas(db: Db, of: Charged, uses: readonly Use[], reply?: FastifyReply): Promise<void> {
  await checkLimits(await limitsOf(db, of), db, of, uses, reply);
}

/**
 * {@link checkQuotas} holding the locks until the transaction ends, so that what it then writes is counted by the next.
 * Most requests are spared them: without a limit there is nothing to count.
 *
 * @returns the limits that there are
 * @throws QuotaError
 */
export async function takeQuotas(
  trx: Transaction<Tables>,
  of: Charged,
  uses: readonly Use[],
  reply?: FastifyReply,
): Promise<readonly Limits[]> {
  const limits = await lockLimited(
    trx,
    of,
    uses.map(({ quota }) => quota),
  );
  await checkLimits(limits, trx, of, uses, reply);
  return limits;
}

/**
 * Holds the environment's day and the tenant's row where one of these quotas has a limit. For transactions that lock rows
 * below the tenant before they know what they take: everybody locks from the top, so that none waits for another in a circle.
 */
export async function lockLimited(
  trx: Transaction<Tables>,
  of: Charged,
  quotas: readonly (keyof Quotas)[],
): Promise<readonly Limits[]> {
  const limits = await limitsOf(trx, of);
  const limited = (scope: Scope) =>
    limits.some((one) => one.scope === scope && quotas.some((quota) => one[quota] !== null));
  if (limited('environment')) await sql`select pg_advisory_xact_lock(hashtextextended('day limits', 0))`.execute(trx);
  if (limited('tenant') || limited('key')) await lockTenant(trx, of.tenantId);
  return limits;
}

/** Has a call of these quotas a limit? */
export const isLimited = (limits: readonly Limits[], quotas: readonly (keyof Quotas)[]): boolean =>
  limits.some((one) => quotas.some((quota) => one[quota] !== null));

/** As an expression beside `tenants`: is what a question takes limited? Most are not, and spared a transaction. */
export const questionsLimited = (keyId: string | null): RawBuilder<boolean> => {
  const columns = sql.raw('num_nonnulls(questions_per_day_max, tokens_per_day_max, usd_per_day_max) > 0');
  return sql<boolean>`exists (select from tenants limited where limited.id = tenants.id and ${columns}
    union all select from environment_limits where ${columns}
    union all select from api_keys where id = ${keyId} and ${columns})`;
};

/** {@link checkQuotas} of limits that were read before, with {@link limitsInBrain}. @throws QuotaError */
export async function checkLimits(
  limits: readonly Limits[],
  db: Db,
  of: Charged,
  uses: readonly Use[],
  reply: FastifyReply | undefined,
): Promise<void> {
  const limited = uses.flatMap(({ quota, adds }) =>
    limits.flatMap(({ scope, [quota]: max }) => (max === null ? [] : [{ quota, adds, scope, max }])),
  );
  const found = await usedInEach(db, of, limited);
  for (const [index, one] of limited.entries()) {
    const used = found[index] ?? 0;
    if (isAbove(used + one.adds, one.max)) throw refusal({ ...one, used }, reply, new Date());
  }
}

/** Dollars are sums of millionths, which no binary fraction holds. */
const isAbove = (sum: number, max: number) => sum > max + 1e-9;

export type Limits = Readonly<Record<keyof Quotas, number | null>> & { readonly scope: Scope };

async function limitsOf(db: Db, of: Charged): Promise<Limits[]> {
  const { rows } = await limitsSql(of).execute(db);
  if (!rows.some(({ scope }) => scope === 'tenant')) throw new ProblemError('not-found', 'There is no such tenant.');
  return rows;
}

/** The limits, from one look that also finds the brain. @throws ProblemError `not-found`, also for a deleted brain */
export async function limitsInBrain(db: Db, of: Charged, brainId: string): Promise<readonly Limits[]> {
  const { rows } = await sql<Limits & { brain: boolean }>`
    select scope, documents_max, bytes_max, ${daily}, exists (select from brains
      where id = ${brainId} and tenant_id = ${of.tenantId} and deleted_at is null) as brain
    from (${limitsSql(of)}) as limits`.execute(db);
  if (!rows[0]?.brain) throw notFound('brain', brainId);
  return rows;
}

const daily = sql.raw(dayQuotas.join(', '));

const limitsSql = ({ tenantId, keyId = null }: Charged) => sql<Limits>`
    select 'tenant' as scope, documents_max, bytes_max, ${daily} from tenants where id = ${tenantId}
    union all select 'environment', null, null, ${daily} from environment_limits
    union all select 'key', null, null, ${daily} from api_keys where id = ${keyId}`;

/** Serializes what counts against a tenant's quotas, until the transaction ends. */
export async function lockTenant(trx: Transaction<Tables>, tenantId: string): Promise<void> {
  await trx.selectFrom('tenants').select('id').where('id', '=', tenantId).forNoKeyUpdate().execute();
}

/** What the tenant uses of a quota now; days begin at 00:00 UTC. */
export const usedOf = (db: Db, tenantId: string, quota: keyof Quotas): Promise<number> =>
  usedIn(db, 'tenant', { tenantId }, quota);

/** How much of its day the environment has used, of the limit that is nearest; null: it has none. */
export async function environmentUse(db: Db): Promise<number | null> {
  const limits = await db.selectFrom('environment_limits').select(dayQuotas).executeTakeFirst();
  const ratios = [];
  for (const quota of dayQuotas) {
    const max = limits?.[quota] ?? null;
    if (max !== null) ratios.push((await usedIn(db, 'environment', { tenantId: '' }, quota)) / Math.max(max, 1e-6));
  }
  return ratios.length > 0 ? Math.max(...ratios) : null;
}
