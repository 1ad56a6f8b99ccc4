/** What has outlived its purpose is removed once an hour. */
import { sql } from 'kysely';
import { retentionDays } from '../../shared/jobs/job-states.ts';
import { expiredJobs } from '../../shared/jobs/job-store.ts';
import type { Database } from '../../shared/postgres/database.ts';

export interface CleanUpLimits {
  /** Of one statement: bounds its locks and its time. */
  readonly rowsMax: number;
  /** Per kind: deletions wait for the clean-up; what is left goes an hour later. */
  readonly statementsMax: number;
}
const limitsDefault: CleanUpLimits = { rowsMax: 5000, statementsMax: 200 };

/** Rows removed per kind. */
export async function cleanUp(db: Database, limits = limitsDefault): Promise<Record<string, number>> {
  const { rowsMax, statementsMax } = limits;
  const removed: Record<string, number> = {};
  for (const [table, condition] of Object.entries(expired)) {
    let sum = 0;
    for (let statement = 0; statement < statementsMax; statement += 1) {
      const { numAffectedRows } = await sql`
        delete from ${sql.table(table)}
        where ctid in (select ctid from ${sql.table(table)} ${sql.raw(condition)} limit ${rowsMax})`.execute(db);
      const rows = Number(numAffectedRows ?? 0);
      sum += rows;
      if (rows < rowsMax) break;
    }
    removed[table] = sum;
  }
  return removed;
}

/** Table and what is removed of it. Jobs before brains: an emptied brain goes when nothing names it any more. */
const expired = {
  idempotency_keys: `where created_at < now() - interval '1 day'`,
  events: `where created_at < now() - interval '1 day'`,
  // They resume a stream, and repeat it for an Idempotency-Key, which lives as long; the turn itself keeps its answer.
  turn_events: `where exists (select from turns
    where turns.id = turn_events.turn_id and turns.finished_at < now() - interval '1 day')`,
  // What has entries is entered first (shared/ledger/reservations.ts).
  reservations: `where expires_at < now() and entries is null`,
  sign_in_links: `where expires_at < now()`,
  replica_minutes: `where minute < now() - interval '1 day'`,
  sessions: `where expires_at < now()`,
  verifications: `where expires_at < now()`,
  // Also what waits for a webhook that nobody enables again.
  webhook_deliveries: `where created_at < now() - interval '${retentionDays} days'`,
  webhook_secrets: `where expires_at < now()`,
  jobs: expiredJobs,
  brains: `where deleted_at < now() - interval '${retentionDays} days' and name = ''
    and not exists (select from jobs where jobs.brain_id = brains.id)
    and not exists (select from documents where documents.brain_id = brains.id)`,
} as const;
