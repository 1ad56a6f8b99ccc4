/** What replicas told, a row a minute each: `replica_minutes`. Who keeps a day of it: document-worker's clean-up. */
import { sql } from 'kysely';
import type { Database } from '../postgres/database.ts';
import type { Values } from './figures.ts';

export interface ReplicaMinute {
  readonly tier: string;
  readonly replica: string;
  readonly startedAt: Date;
  readonly version: string;
  readonly minute: Date;
  readonly figures: Values;
}

/** Written several times in a minute: the last one stands. */
export async function writeMinute(db: Database, row: ReplicaMinute): Promise<void> {
  await sql`
    insert into replica_minutes (tier, replica, minute, started_at, version, figures)
    values (${row.tier}, ${row.replica}, ${row.minute}, ${row.startedAt}, ${row.version}, ${JSON.stringify(row.figures)}::jsonb)
    on conflict (minute, tier, replica) do update
    set started_at = excluded.started_at, version = excluded.version, figures = excluded.figures, reported_at = now()`.execute(
    db,
  );
}
