/**
 * `Idempotency-Key`: for a day, the same key with the same request is answered by what the first one made.
 *
 * A request that is known as a whole writes its key together with what it makes ({@link writeKeySql}). An upload claims
 * its key before the bytes arrive; the row holds their hash and the answer after:
 *
 *     absent ──claim──► arriving (status null) ──finish──► finished (status, response)
 *                          │  ▲ refreshed every 10 s; older than 30 s: its process died, the next request takes it over
 *                          └──release──► absent (the upload was refused)
 *
 * The same key with the same bytes gets the same job; with other bytes `422`; while the first still arrives `409`.
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import { idempotencyKey } from '../contract/common.ts';
import type { Database } from '../postgres/database.ts';
import type { Tables } from '../postgres/tables.ts';
import { ProblemError } from './problem.ts';

/** Keys of different routes do not meet. */
export interface Claim {
  readonly tenantId: string;
  readonly route: string;
  readonly key: string;
}
export interface Finished {
  readonly fingerprint: Buffer;
  readonly status: number;
  /** Names what was made. */
  readonly response: { job_id?: string; document_id?: string; turn_id?: string };
}

export type FinishedKey = Omit<Claim, 'tenantId'> & Finished;

const refreshMs = 10_000;
const abandonedAfter = sql`interval '30 seconds'`;

/** @throws ProblemError `bad-request` */
export function readIdempotencyKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header === 'string' && idempotencyKey.safeParse(header).success) return header;
  throw new ProblemError('bad-request', 'Idempotency-Key must be 1 to 200 printable ASCII characters without spaces.');
}

/**
 * @returns null when the key is ours now ({@link keepClaim}), or what the first request left
 * @throws ProblemError `still-arriving`
 */
export async function claimKey(db: Database, { tenantId, route, key }: Claim): Promise<Finished | null> {
  // A transaction, so that its outcome is known: a claim that nobody knows of would refuse the same key for 30 s.
  const { rows } = await db.transaction().execute((trx) =>
    sql<{ key: string }>`
    insert into idempotency_keys as k (tenant_id, route, key, fingerprint) values (${tenantId}, ${route}, ${key}, '')
    on conflict (tenant_id, route, key) do update set created_at = now()
      where k.status is null and k.created_at < now() - ${abandonedAfter}
    returning key`.execute(trx),
  );
  if (rows.length > 0) return null;
  const finished = await findKey(db, { tenantId, route, key });
  if (!finished)
    throw new ProblemError('still-arriving', `The first request with Idempotency-Key '${key}' has not ended yet.`, {
      retryAfterS: 2,
    });
  return finished;
}

/** Keeps a claim alive while the bytes arrive. @returns stops it */
export function keepClaim(db: Database, claim: Claim): () => void {
  const timer = setInterval(() => {
    db.updateTable('idempotency_keys')
      .set({ created_at: sql<Date>`now()` })
      .where('tenant_id', '=', claim.tenantId)
      .where('route', '=', claim.route)
      .where('key', '=', claim.key)
      .where('status', 'is', null)
      .execute()
      // A missed refresh is caught up by the next.
      .catch(() => {});
  }, refreshMs);
  return () => clearInterval(timer);
}

/** Part of the transaction that makes the job: the key remembers exactly what was accepted. */
export async function finishKey(trx: Transaction<Tables>, claim: Claim, finished: Finished): Promise<void> {
  await trx
    .updateTable('idempotency_keys')
    .set({
      fingerprint: finished.fingerprint,
      status: finished.status,
      response: JSON.stringify(finished.response),
      created_at: sql<Date>`now()`,
    })
    .where('tenant_id', '=', claim.tenantId)
    .where('route', '=', claim.route)
    .where('key', '=', claim.key)
    .execute();
}

/** The upload was refused: the key may be used again. */
export async function releaseKey(db: Database, claim: Claim): Promise<void> {
  await db
    .deleteFrom('idempotency_keys')
    .where('tenant_id', '=', claim.tenantId)
    .where('route', '=', claim.route)
    .where('key', '=', claim.key)
    .where('status', 'is', null)
    .execute();
}

/** What the first request with the key left; null when there was none, or it has not ended. */
export async function findKey(db: Database, { tenantId, route, key }: Claim): Promise<Finished | null> {
  const row = await db
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'status', 'response'])
    .where('tenant_id', '=', tenantId)
    .where('route', '=', route)
    .where('key', '=', key)
    .executeTakeFirst();
  if (!row || row.status === null) return null;
  return { fingerprint: row.fingerprint, status: row.status, response: row.response as Finished['response'] };
}

/**
 * Part of a statement that makes something: writes the finished key of the rows of `from`, and returns it. It returns
 * nothing when the key is another request's.
 */
export const writeKeySql = (
  tenantId: RawBuilder<unknown>,
  from: RawBuilder<unknown>,
  key: FinishedKey | null,
): RawBuilder<unknown> => sql`
      insert into idempotency_keys (tenant_id, route, key, fingerprint, status, response)
      select ${tenantId}, ${key?.route ?? null}, ${key?.key ?? null}, ${key?.fingerprint ?? null}::bytea,
        ${key?.status ?? null}::int, ${key ? JSON.stringify(key.response) : null}::jsonb
      from ${from} where ${key !== null}
      on conflict do nothing
      returning key`;
