/** Jobs that would go beyond a limit of the day, paused until the next, and those of a suspended tenant. They go on by themselves. */
import { sql, type Transaction } from 'kysely';
import type { Lease } from '../contract/grant.ts';
import { ProblemError } from '../http/problem.ts';
import { QuotaError } from '../ledger/quota-error.ts';
import type { Charged } from '../ledger/quota-use.ts';
import type { Database } from '../postgres/database.ts';
import type { Tables } from '../postgres/tables.ts';
import { changeStatus, recordChange, wakeWorkers } from './job-store.ts';

/** With whose limits a lease is held; asked before its row is locked, since limits are locked first. */
export async function chargedFor(
  tx: Transaction<Tables>,
  { jobId, tenantId }: Pick<Lease, 'jobId' | 'tenantId'>,
): Promise<Charged> {
  const job = await tx.selectFrom('jobs').select('api_key_id').where('id', '=', jobId).executeTakeFirst();
  return { tenantId, keyId: job?.api_key_id };
}

export const tenantSuspended = () =>
  new ProblemError('forbidden', 'The tenant is suspended. The document goes on when it no longer is.');

/** @param why a limit of the day, which has another day, or {@link tenantSuspended} */
export async function pause(tx: Transaction<Tables>, jobId: string, why: ProblemError): Promise<void> {
  const job = await changeStatus(tx, 'pause', 'paused', (jobs) => jobs.where('id', '=', jobId), {
    stage: null,
    started_at: null,
    paused_until: why instanceof QuotaError ? why.resetsAt : null,
    error: JSON.stringify(why.toProblem()),
  }).executeTakeFirstOrThrow();
  await recordChange(tx, job);
}

/** Of one look, since it holds up what comes after it; the next one takes the others. */
const resumedMax = 100;

/** Jobs whose new day has come, or whose tenant is no longer suspended, wait to be read again. */
export async function resumePaused(db: Database): Promise<void> {
  const due = (from: Database | Transaction<Tables>) =>
    from
      .selectFrom('jobs')
      .select('id')
      .where('status', '=', 'paused')
      .where(sql<boolean>`(paused_until <= now() or paused_until is null)`)
      .where(sql<boolean>`not exists (select from tenants where id = jobs.tenant_id and suspended_at is not null)`)
      .limit(resumedMax);
  // Asked every few seconds, and nearly always in vain: no transaction for that.
  if ((await due(db).execute()).length === 0) return;
  await db.transaction().execute(async (tx) => {
    const rows = await due(tx).forUpdate().skipLocked().execute();
    if (rows.length === 0) return;
    const ids = rows.map(({ id }) => id);
    const jobs = await changeStatus(tx, 'resume', 'queued', (all) => all.where('id', 'in', ids), {
      paused_until: null,
      error: null,
    }).execute();
    for (const job of jobs) {
      await recordChange(tx, job);
      await wakeWorkers(tx, job.id);
    }
  });
}
