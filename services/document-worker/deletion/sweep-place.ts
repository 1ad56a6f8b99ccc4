/** How far a sweep has come that does a part every hour. */
import { sql } from 'kysely';
import type { Database } from '../../shared/postgres/database.ts';

export async function placeOf(db: Database, name: string): Promise<string> {
  const row = await db.selectFrom('sweeps').select('place').where('name', '=', name).executeTakeFirst();
  return row?.place ?? '';
}

export async function goOn(db: Database, name: string, place: string): Promise<void> {
  await db
    .insertInto('sweeps')
    .values({ name, place })
    .onConflict((on) => on.column('name').doUpdateSet({ place, updated_at: sql<Date>`now()` }))
    .execute();
}

/** Before every id. */
export const zeroId = '00000000-0000-0000-0000-000000000000';
