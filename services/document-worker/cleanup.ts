/** What has outlived its purpose is removed once an hour. */
import { sql } from 'kysely';
import type { Database } from '../shared/database.ts';

/** Rows of one statement: bounds its locks and its time. */
const rowsMax = 5000;

/** Rows removed per kind. */
export async function cleanUp(db: Database): Promise<Record<string, number>> {
  const removed: Record<string, number> = {};
  for (const [what, condition] of Object.entries(outlived)) {
    const table = what.split(' ')[0] as string;
    removed[what] = 0;
    for (let rows = rowsMax; rows === rowsMax; ) {
      const { numAffectedRows } = await sql`
        delete from ${sql.table(table)}
        where ctid in (select ctid from ${sql.table(table)} ${sql.raw(condition)} limit ${rowsMax})`.execute(db);
      rows = Number(numAffectedRows ?? 0);
      removed[what] += rows;
    }
  }
  return removed;
}

/** Table and what is removed of it. Jobs before brains: an emptied brain goes when nothing names it any more. */
const outlived = {
  idempotency_keys: `where created_at < now() - interval '1 day'`,
  events: `where created_at < now() - interval '1 day'`,
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
