/** What has outlived its purpose is removed once an hour. */
import { sql } from 'kysely';
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
  sign_in_links: `where expires_at < now()`,
  sessions: `where expires_at < now()`,
  verifications: `where expires_at < now()`,
  // A document shows its last job for as long as it lives.
  jobs: `where expires_at < now() and (kind <> 'ingest' or document_id is null
    or exists (select from jobs later where later.document_id = jobs.document_id and later.id > jobs.id))`,
  brains: `where deleted_at < now() - interval '7 days' and name = ''
    and not exists (select from jobs where jobs.brain_id = brains.id)
    and not exists (select from documents where documents.brain_id = brains.id)`,
} as const;
