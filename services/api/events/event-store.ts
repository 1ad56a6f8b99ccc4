/**
 * The event log, read in an order in which nothing is skipped.
 *
 * Ids are given out before transactions commit, so an event with a lower id can appear after one with a higher id. Read
 * are therefore only events of transactions below the oldest one still open (every one of them has ended), in the order
 * `(transaction_id, id)`: whatever appears later stands later in this order.
 */
import { sql } from 'kysely';
import type { EventName } from '../../shared/contract/events.ts';
import type { Database } from '../../shared/postgres/database.ts';

/** A position in the log: `transaction.id`, the SSE id. */
export interface LogPosition {
  readonly transaction: bigint;
  readonly id: bigint;
}

export interface LoggedEvent {
  readonly position: LogPosition;
  readonly tenantId: string;
  readonly personId: string | null;
  readonly event: EventName;
  readonly resourceId: string;
  readonly data: unknown;
}

/** A watcher that was away for more than these of its tenant's events is told to fetch its lists anew. */
export const replayMax = 1000;
/** Events of one look; the next look takes the rest. */
const readMax = 5000;

/** Where the log ends now: everything after it is new. */
export async function endOfLog(db: Database): Promise<LogPosition> {
  const { rows } = await sql<{ transaction: string; id: string }>`
    select transaction_id::text as transaction, id::text as id from events
    where transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    order by transaction_id desc, events.id desc limit 1`.execute(db);
  return { transaction: BigInt(rows[0]?.transaction ?? 0), id: BigInt(rows[0]?.id ?? 0) };
}

/**
 * Events of all tenants after a position, oldest first. `held`: there is more, either beyond the bound of one look or held
 * back by a transaction that is still open.
 */
export async function eventsAfter(
  db: Database,
  { transaction, id }: LogPosition,
): Promise<{ events: LoggedEvent[]; held: boolean }> {
  const { rows } = await sql<Row & { ended: boolean }>`
    select ${columns}, transaction_id < pg_snapshot_xmin(pg_current_snapshot()) as ended from events
    where (transaction_id, id) > (${transaction}::xid8, ${id}::bigint)
    order by transaction_id, events.id limit ${readMax}`.execute(db);
  const events = rows.filter((row) => row.ended).map(toEvent);
  return { events, held: events.length < rows.length || rows.length === readMax };
}

/** Events of one tenant after `from` up to `to`; null when there are too many, or `from` is no longer known. */
export async function eventsBetween(
  db: Database,
  tenantId: string,
  from: LogPosition,
  to: LogPosition,
): Promise<LoggedEvent[] | null> {
  const { rows: known } = await sql`
    select from events where id = ${from.id}::bigint and transaction_id = ${from.transaction}::xid8`.execute(db);
  if (known.length === 0) return null;
  const { rows } = await sql<Row>`
    select ${columns} from events
    where tenant_id = ${tenantId}
      and (transaction_id, id) > (${from.transaction}::xid8, ${from.id}::bigint)
      and (transaction_id, id) <= (${to.transaction}::xid8, ${to.id}::bigint)
    order by transaction_id, events.id limit ${replayMax + 1}`.execute(db);
  return rows.length > replayMax ? null : rows.map(toEvent);
}

export const formatPosition = ({ transaction, id }: LogPosition) => `${transaction}.${id}`;

/** Null: not one of ours. */
export function parsePosition(text: string): LogPosition | null {
  const [, transaction, id] = /^(\d{1,19})\.(\d{1,18})$/.exec(text) ?? [];
  return transaction && id ? { transaction: BigInt(transaction), id: BigInt(id) } : null;
}

interface Row {
  transaction: string;
  id: string;
  tenant_id: string;
  person_id: string | null;
  event: string;
  resource_id: string;
  data: unknown;
}

/** As text, for a bigint is more than a number holds; so `order by` must say `events.id`, not the text's `id`. */
const columns = sql`transaction_id::text as transaction, id::text as id, tenant_id, person_id, event, resource_id, data`;

const toEvent = (row: Row): LoggedEvent => ({
  position: { transaction: BigInt(row.transaction), id: BigInt(row.id) },
  tenantId: row.tenant_id,
  personId: row.person_id,
  event: row.event as EventName,
  resourceId: row.resource_id,
  data: row.data,
});
