import { sql } from 'kysely';
import type { Operations } from '../../shared/contract/operations.ts';
import type { Database } from '../../shared/postgres/database.ts';

/** Of all tenants, by the ledger. */
export async function readSpending(db: Database): Promise<Operations['spending']> {
  const { rows } = await sql<Operations['spending']>`
    select coalesce(sum(cost_usd), 0)::float8 as month_usd,
      coalesce(sum(cost_usd) filter (where created_at >= date_trunc('day', now(), 'UTC')), 0)::float8 as today_usd,
      count(*) filter (where cost_usd is null)::int as unpriced_entries,
      (select usd_per_day_max from environment_limits)::float8 as usd_per_day_max
    from ledger
    where created_at >= date_trunc('month', now(), 'UTC')`.execute(db);
  return rows[0] ?? { today_usd: 0, month_usd: 0, usd_per_day_max: null, unpriced_entries: 0 };
}
