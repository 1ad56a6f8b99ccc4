/**
 * Tokens and dollars that a call may use, held from its admission until what it did use is in the ledger. The row goes in
 * the transaction that writes the entries; when whoever held it died, it counts until its time is up.
 */

import type { FastifyReply } from 'fastify';
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { Database } from '../postgres/database.ts';
import type { Tables } from '../postgres/tables.ts';
import { type Account, type Entry, recordEntries } from './ledger.ts';
import { isLimited, takeQuotas } from './quota.ts';
import { QuotaError } from './quota-error.ts';
import type { Charged } from './quota-use.ts';

export interface MayUse {
  /** At most, in and out together. */
  readonly tokens: number;
  /** At most, of what has a known price. */
  readonly usd: number;
  /** @default 0 */
  readonly questions?: number;
}

const ofTheDay = (tokens: number, usd: number) =>
  [
    { quota: 'tokens_per_day_max', adds: tokens },
    { quota: 'usd_per_day_max', adds: usd },
  ] as const;

const rowOf = (
  { tenantId, keyId }: Charged,
  { id, tokens, usd, lastsMs }: Pick<MayUse, 'tokens' | 'usd'> & { readonly id: string; readonly lastsMs: number },
) => ({
  id,
  tenant_id: tenantId,
  api_key_id: keyId ?? null,
  tokens,
  usd,
  expires_at: sql<Date>`now() + ${lastsMs} * interval '1 millisecond'`,
});

/**
 * Takes what a call may use, or refuses it.
 *
 * @param id of the reservation, and of what it is for
 * @param lastsMs longer than the call can take
 * @returns false: nothing limits tokens or dollars, and nothing is held
 * @throws QuotaError
 */
export async function reserve(
  trx: Transaction<Tables>,
  of: Charged,
  { id, tokens, usd, questions = 0, lastsMs }: MayUse & { readonly id: string; readonly lastsMs: number },
  reply?: FastifyReply,
): Promise<boolean> {
  const limits = await takeQuotas(
    trx,
    of,
    [
      ...(questions > 0 ? [{ quota: 'questions_per_day_max', adds: questions } as const] : []),
      ...ofTheDay(tokens, usd),
    ],
    reply,
  );
  if (!isLimited(limits, ['tokens_per_day_max', 'usd_per_day_max'])) return false;
  await trx.insertInto('reservations').values(rowOf(of, { id, tokens, usd, lastsMs })).execute();
  return true;
}

/**
 * What an answer that was lost is billed: entered at once, whether the day has room for it or not. What its call holds is
 * there for the next try.
 *
 * @throws QuotaError: no other try today
 */
export async function enterLost(db: Database, of: Account, entry: Entry): Promise<void> {
  const refused = await db.transaction().execute(async (trx) => {
    const full = await takeQuotas(trx, of, ofTheDay(entry.amount, entry.costUsd ?? 0)).then(
      () => null,
      (error) => {
        if (error instanceof QuotaError) return error;
        throw error;
      },
    );
    await recordEntries(trx, of, [entry]);
    return full;
  });
  if (refused) throw refused;
}

/**
 * What is entered should whoever holds it die: what was sent is billed all the same. Held from now on, if it was not.
 *
 * @param lastsMs longer than the call can take
 */
export async function noteUsed(
  db: Database,
  { id, brainId, ...of }: Charged & { readonly id: string; readonly brainId: string },
  entries: readonly Entry[],
  lastsMs: number,
): Promise<void> {
  const noted = { brain_id: brainId, entries: JSON.stringify(entries) };
  await db
    .insertInto('reservations')
    .values({ ...rowOf(of, { id, tokens: 0, usd: 0, lastsMs }), ...noted })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(noted))
    .execute();
}

/** What was noted of calls, by their ids. */
export async function notedOf(db: Database, ids: readonly string[]): Promise<Map<string, readonly Entry[]>> {
  const rows = await db
    .selectFrom('reservations')
    .select(['id', 'entries'])
    .where('id', 'in', ids)
    .where('entries', 'is not', null)
    .execute();
  return new Map(rows.map(({ id, entries }) => [id, entries as unknown as Entry[]]));
}

/** Of one look; the next one takes the others. */
const settledMax = 100;

/** Enters what was noted of calls whose time is up. @returns how many */
export async function settleLost(db: Database): Promise<number> {
  const lost = (from: Database | Transaction<Tables>) =>
    from
      .selectFrom('reservations')
      .selectAll()
      .where('entries', 'is not', null)
      .where('expires_at', '<', sql<Date>`now()`)
      .limit(settledMax);
  // Asked every few seconds, and nearly always in vain: no transaction for that.
  if ((await lost(db).execute()).length === 0) return 0;
  return db.transaction().execute(async (trx) => {
    const rows = await lost(trx).forUpdate().skipLocked().execute();
    for (const { id, tenant_id, brain_id, api_key_id, entries } of rows) {
      const account = { tenantId: tenant_id, brainId: brain_id, keyId: api_key_id };
      await recordEntries(trx, account, entries as unknown as Entry[]);
      await release(trx, id);
    }
    return rows.length;
  });
}

export const release = (db: Database | Transaction<Tables>, id: string) =>
  db.deleteFrom('reservations').where('id', '=', id).execute();

/** {@link release} as part of a statement. @param of rows with the ids */
export const releaseSql = (of: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`delete from reservations where id in (select id from ${of})`;
