/** Turns in PostgreSQL: how they begin, live and end. A turn ends once: every end is guarded by `status = 'streaming'`. */
import { type Selectable, sql, type Transaction } from 'kysely';
import type { Citation, Turn, TurnStatus } from '../shared/contract/chat.ts';
import type { Problem } from '../shared/contract/common.ts';
import type { Database } from '../shared/database.ts';
import type { Tables, Turns } from '../shared/tables.ts';
import { storableJson, storableText } from './storable.ts';
import { estimateTokens } from './tokens.ts';
import { turnsChannel } from './turn-signals.ts';

export type TurnRow = Selectable<Turns>;

/** A replica renews three times in this time; after it others give its turns up. */
export const leaseMs = 30_000;
const leaseUntil = sql<Date>`now() + ${`${leaseMs} milliseconds`}::interval`;

export const newLease = () => leaseUntil;

export function toTurn(row: TurnRow): Turn {
  return {
    id: row.id,
    object: 'turn',
    conversation_id: row.conversation_id,
    question: row.question,
    answer: row.answer,
    status: row.status as TurnStatus,
    answerer: { kind: row.answerer_kind as Turn['answerer']['kind'], name: row.answerer_name },
    answered: row.answered,
    citations: row.citations as unknown as Citation[],
    usage: row.usage as unknown as Turn['usage'],
    unread_documents: row.unread_documents,
    error: row.error as unknown as Problem | null,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  };
}

/** As {@link toTurn}; of a turn that still streams also what arrived so far. */
export async function toTurns(db: Database, rows: readonly TurnRow[]): Promise<Turn[]> {
  const streaming = rows.filter(({ status }) => status === 'streaming').map(({ id }) => id);
  const arrived = streaming.length > 0 ? await arrivedOf(db, streaming) : new Map<string, Arrived>();
  return rows.map((row) => ({ ...toTurn(row), ...arrived.get(row.id) }));
}

export interface Arrived {
  readonly answer: string;
  readonly citations: Citation[];
}

/** The answer and the citations as written so far, from the events. */
export async function arrivedOf(
  db: Database | Transaction<Tables>,
  turnIds: readonly string[],
): Promise<Map<string, Arrived>> {
  const { rows } = await sql<Arrived & { turn_id: string }>`
    select turn_id,
      coalesce(string_agg(data ->> 'text', '' order by place) filter (where event = 'token'), '') as answer,
      coalesce(jsonb_agg(data order by place) filter (where event = 'citation'), '[]') as citations
    from turn_events where turn_id = any(${turnIds}::uuid[]) group by turn_id`.execute(db);
  return new Map(rows.map(({ turn_id, answer, citations }) => [turn_id, { answer, citations }]));
}

export interface End extends Arrived {
  readonly turnId: string;
  readonly status: Exclude<TurnStatus, 'streaming'>;
  readonly answered: boolean | null;
  readonly usage: Turn['usage'];
  readonly error: Problem | null;
  /** Of the last event. */
  readonly place: number;
}

/** Writes the end and its event. Null: the turn had ended, or is gone. */
export async function endTurn(trx: Transaction<Tables>, end: End): Promise<Turn | null> {
  const row = await trx
    .updateTable('turns')
    .set({
      status: end.status,
      answer: storableText(end.answer),
      answered: end.answered,
      citations: storableJson(end.citations),
      usage: end.usage && JSON.stringify(end.usage),
      error: end.error && storableJson(end.error),
      finished_at: new Date(),
    })
    .where('id', '=', end.turnId)
    .where('status', '=', 'streaming')
    .returningAll()
    .executeTakeFirst();
  if (!row) return null;
  const turn = toTurn(row);
  await trx
    .insertInto('turn_events')
    .values({
      turn_id: turn.id,
      place: end.place,
      event: end.error ? 'error' : 'done',
      data: storableJson(end.error ?? turn),
    })
    .execute();
  await sql`select pg_notify(${turnsChannel}, ${`events ${turn.id}`})`.execute(trx);
  return turn;
}

/** @returns turns of this replica that somebody asked to stop: a signal may have been lost */
export async function renewLeases(db: Database, replica: string, turnIds: readonly string[]): Promise<string[]> {
  const rows = await db
    .updateTable('turns')
    .set({ lease_until: leaseUntil })
    .where('id', 'in', turnIds)
    .where('replica', '=', replica)
    .where('status', '=', 'streaming')
    .returning(['id', 'stop_requested'])
    .execute();
  return rows.filter(({ stop_requested }) => stop_requested).map(({ id }) => id);
}

/** As many at a time: a replica that died held at most its slots. */
const sweepMax = 100;

/**
 * Ends turns whose replica is gone as `interrupted`, with what arrived. The model is not called again: whether the
 * question is worth a second bill is for the person to decide.
 *
 * @returns how many
 */
export async function sweepExpired(
  db: Database,
  bill: (trx: Transaction<Tables>, turn: Turn) => Promise<void>,
): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const expired = await trx
      .selectFrom('turns')
      .select(['id', 'usage', 'answerer_kind'])
      .where('status', '=', 'streaming')
      .where('lease_until', '<', sql<Date>`now()`)
      .orderBy('lease_until')
      .limit(sweepMax)
      .forUpdate()
      .skipLocked()
      .execute();
    if (expired.length === 0) return 0;
    const arrived = await arrivedOf(
      trx,
      expired.map(({ id }) => id),
    );
    const places = await lastPlaces(
      trx,
      expired.map(({ id }) => id),
    );
    for (const { id, usage, answerer_kind } of expired) {
      const answer = arrived.get(id)?.answer ?? '';
      const known = usage as unknown as Turn['usage'];
      const tokensOut = answerer_kind === 'model' ? estimateTokens(answer) : 0;
      const turn = await endTurn(trx, {
        turnId: id,
        status: 'interrupted',
        answered: null,
        answer,
        citations: arrived.get(id)?.citations ?? [],
        usage: known && { ...known, tokens_out: tokensOut },
        error: null,
        place: (places.get(id) ?? 0) + 1,
      });
      if (turn) await bill(trx, turn);
    }
    return expired.length;
  });
}

async function lastPlaces(trx: Transaction<Tables>, turnIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await trx
    .selectFrom('turn_events')
    .select(({ fn }) => ['turn_id', fn.max('place').as('place')])
    .where('turn_id', 'in', turnIds)
    .groupBy('turn_id')
    .execute();
  return new Map(rows.map(({ turn_id, place }) => [turn_id, place]));
}
