/** Sums of the ledger. */
import { sql } from 'kysely';
import type { UsageGroup, UsageRow } from '../contract/usage.ts';
import type { Database } from '../postgres/database.ts';
import { type EntryKind, entryUnits } from './ledger.ts';

export interface UsageAsked {
  /** Days of UTC, both with all of them. */
  readonly from: string;
  readonly to: string;
  readonly by: readonly UsageGroup[];
  readonly brain?: string | undefined;
  readonly model?: string | undefined;
  readonly key?: string | undefined;
  readonly rowsMax: number;
}

/** By day, then brain, model, key and kind; what is not split by is null. */
export async function usageBetween(db: Database, tenantId: string, asked: UsageAsked): Promise<UsageRow[]> {
  const { from, to, by, rowsMax } = asked;
  const day = by.includes('day') ? sql`to_char(created_at at time zone 'UTC', 'YYYY-MM-DD')` : sql`null::text`;
  const brain = by.includes('brain') ? sql`brain_id` : sql`null::uuid`;
  const model = by.includes('model') ? sql`model` : sql`null::text`;
  const key = by.includes('key') ? sql`api_key_id` : sql`null::uuid`;
  const only = (column: string, value: string | undefined) =>
    value === undefined ? sql`` : sql`and ${sql.ref(column)} = ${value}`;
  const { rows } = await sql<Omit<UsageRow, 'unit'>>`
    select ${day} as day, ${brain} as brain_id, ${model} as model, ${key} as api_key_id, kind,
      sum(amount)::bigint as amount,
      coalesce(sum(amount) filter (where repeated), 0)::bigint as repeated_amount,
      coalesce(sum(cost_usd), 0) as cost_usd,
      count(*) filter (where cost_usd is null) as unpriced_entries
    from ledger
    where tenant_id = ${tenantId} and kind = any(${Object.keys(entryUnits)}::text[])
      and created_at >= ${from}::date::timestamp at time zone 'UTC'
      and created_at < (${to}::date + 1)::timestamp at time zone 'UTC'
      ${only('brain_id', asked.brain)} ${only('model', asked.model)} ${only('api_key_id', asked.key)}
    group by 1, 2, 3, 4, 5
    order by 1, 2, 3, 4, 5
    limit ${rowsMax}`.execute(db);
  return rows.map((row) => ({ ...row, unit: entryUnits[row.kind as EntryKind] }));
}
