/**
 * Turns in PostgreSQL: how they begin, live and end. A turn ends once: every end is guarded by `status = 'streaming'`.
 *
 * Beginning and end are one statement each: one way to the database and one commit, where one statement per row made
 * seven of each. Both lock the conversation first, as its deletion does, so none of them waits for another in a circle.
 */
import { type RawBuilder, type Selectable, sql, type Transaction } from 'kysely';
import type { Citation, FinishReason, Turn, TurnStatus, Verdict } from '../../shared/contract/chat.ts';
import type { Problem } from '../../shared/contract/common.ts';
import { type FinishedKey, writeKeySql } from '../../shared/http/idempotency-key.ts';
import { UnavailableError } from '../../shared/http/unavailable.ts';
import { type Entry, recordEntriesSql } from '../../shared/ledger/ledger.ts';
import { releaseSql } from '../../shared/ledger/reservations.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tables, Turns } from '../../shared/postgres/tables.ts';
import { storableJson, storableText } from './storable.ts';
import { questionEntry } from './token-usage.ts';
import { column, type WrittenEvent } from './turn-journal.ts';
import { turnsChannel } from './turn-signals.ts';

export type TurnRow = Selectable<Turns>;

/** A replica renews three times in this time; after it others give its turns up. */
export const leaseMs = 30_000;
const leaseUntil = sql<Date>`now() + ${`${leaseMs} milliseconds`}::interval`;

export function toTurn(row: TurnRow): Turn {
  return {
    id: row.id,
    object: 'turn',
    conversation_id: row.conversation_id,
    question: row.question,
    answer: row.answer,
    status: row.status as TurnStatus,
    finish_reason: row.finish_reason as FinishReason | null,
    retry_of: row.retry_of,
    continues: row.continues,
    answerer: { kind: row.answerer_kind as Turn['answerer']['kind'], name: row.answerer_name },
    answered: row.answered,
    citations: row.citations as unknown as Citation[],
    usage: row.usage as unknown as Turn['usage'],
    unread_documents: row.unread_documents,
    error: row.error as unknown as Problem | null,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
    ...(row.verdict && { verdict: row.verdict as Verdict }),
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
export async function arrivedOf(db: Database, turnIds: readonly string[]): Promise<Map<string, Arrived>> {
  const { rows } = await sql<Arrived & { turn_id: string }>`
    select turn_id,
      coalesce(string_agg(data ->> 'text', '' order by place) filter (where event = 'token'), '') as answer,
      coalesce(jsonb_agg(data order by place) filter (where event = 'citation'), '[]') as citations
    from turn_events where turn_id = any(${turnIds}::uuid[]) group by turn_id`.execute(db);
  return new Map(rows.map(({ turn_id, answer, citations }) => [turn_id, { answer, citations }]));
}

export interface Beginning {
  /** Streaming, with nothing in it yet. */
  readonly turn: Turn;
  readonly replica: string;
  /** The first events of the turn. */
  readonly first: readonly WrittenEvent[];
  /** Of the conversation, which has none before its first question. */
  readonly title: string;
  /** The answer to this key is this turn, from now on. */
  readonly key: FinishedKey | null;
  /** False: it was when it was first asked. */
  readonly counted: boolean;
}

/**
 * Writes the turn and its first events, counts the question in the ledger (one that fails was asked all the same), and
 * tells the person's other windows.
 *
 * @returns why nothing was written, or null: the key is another turn's, the turn that it asks again was asked again
 *   before, or the conversation is gone. Of a turn that asks another one again the rest is for the transaction to undo.
 */
export async function beginTurn(
  db: Database | Transaction<Tables>,
  beginning: Beginning,
): Promise<'key-taken' | 'retried' | 'gone' | null> {
  try {
    return await writeBeginning(db, beginning);
  } catch (error) {
    // A transaction's outcome is found at its COMMIT; a single statement's is looked for here: written, it streams.
    if (!(error instanceof UnavailableError) || db.isTransaction) throw error;
    const { turn, replica } = beginning;
    const written = await db
      .selectFrom('turns')
      .select('id')
      .where('id', '=', turn.id)
      .where('replica', '=', replica)
      .where('status', '=', 'streaming')
      .executeTakeFirst();
    if (!written) throw error;
    return null;
  }
}

async function writeBeginning(
  db: Database | Transaction<Tables>,
  { turn, replica, first, title, key, counted }: Beginning,
): Promise<'key-taken' | 'retried' | 'gone' | null> {
  const { rows } = await sql<{ found: boolean; taken: boolean; begun: boolean }>`
    with conversation as materialized (
      select id, tenant_id, brain_id, person_id, api_key_id from conversations where id = ${turn.conversation_id} for no key update
    ), taken as (${writeKeySql(sql`tenant_id`, sql`conversation`, key)}
    ), retried as (
      update turns set retried = true from conversation
      where turns.id = ${turn.retry_of} and conversation_id = conversation.id and not retried
      returning turns.id
    ), begun as (
      insert into turns (id, tenant_id, conversation_id, question, status, answerer_kind, answerer_name,
        unread_documents, replica, lease_until, created_at, retry_of, continues, counted)
      select ${turn.id}, tenant_id, id, ${turn.question}, ${turn.status}, ${turn.answerer.kind},
        ${turn.answerer.name}, ${turn.unread_documents}, ${replica}, ${leaseUntil}, ${turn.created_at},
        ${turn.retry_of}, ${turn.continues}, ${counted}
      from conversation where (${key === null} or exists (select from taken))
        and (${turn.retry_of === null} or exists (select from retried))
      returning id
    ), inserted as (
      insert into turn_events (turn_id, place, event, data)
      select begun.id, inserted.place, inserted.event, inserted.data
      from begun, unnest(${column(first, 'sequence')}::int[], ${column(first, 'event')}::text[],
        ${column(first, 'json')}::jsonb[]) as inserted (place, event, data)
    ), billed as (${usageRecord(sql`begun`, counted ? [questionEntry(turn.id)] : [])}), touched as (
      update conversations set updated_at = now(), title = case title when '' then ${title} else title end
      where id in (select conversation.id from conversation, begun)
    ), recorded as (${record(sql`begun`)})
    select exists (select from conversation) as found, ${key === null} or exists (select from taken) as taken,
      exists (select from begun) as begun`.execute(db);
  const [{ found, taken, begun }] = rows as [(typeof rows)[number]];
  if (begun) return null;
  if (!found) return 'gone';
  return taken ? 'retried' : 'key-taken';
}

/** Part of a statement that has a `conversation`; `turn`: the rows without which there is no usage record. */
const usageRecord = (turn: RawBuilder<unknown>, entries: readonly Entry[]): RawBuilder<unknown> =>
  recordEntriesSql(
    {
      tenantId: sql`conversation.tenant_id`,
      brainId: sql`conversation.brain_id`,
      turnId: sql`${turn}.id`,
      keyId: sql`conversation.api_key_id`,
    },
    sql`${turn}, conversation`,
    entries,
  );

/** As {@link usageRecord}: the event that tells the person's other windows. */
const record = (turn: RawBuilder<unknown>) => sql`
      insert into events (tenant_id, event, resource_id, person_id)
      select conversation.tenant_id, 'conversation', conversation.id, conversation.person_id
      from ${turn}, conversation where conversation.person_id is not null`;

export interface End extends Arrived {
  /** As it began, but for the model: another one may have answered. */
  readonly turn: Turn;
  readonly status: Exclude<TurnStatus, 'streaming'>;
  readonly finishReason: FinishReason | null;
  readonly answered: boolean | null;
  readonly usage: Turn['usage'];
  readonly error: Problem | null;
  /** Of the last event. */
  readonly sequence: number;
  /** What is still to be paid for. */
  readonly entries: readonly Entry[];
  /** Only if its lease is over. */
  readonly expired?: boolean;
}

/**
 * Writes the end, its event and its usage record, and tells all who wait for it.
 *
 * @returns the last event; null: the turn had ended, or is gone, and nothing was written
 */
export async function endTurn(db: Database, end: End): Promise<WrittenEvent | null> {
  const { turn, status, finishReason, answered, citations, usage, error, sequence, entries, expired = false } = end;
  const answer = storableText(end.answer);
  const finishedAt = new Date().toISOString();
  const ended: Turn = {
    ...turn,
    status,
    finish_reason: finishReason,
    answer,
    answered,
    citations,
    usage,
    error,
    finished_at: finishedAt,
  };
  const last = { sequence, event: error ? 'error' : 'done', json: storableJson(error ?? ended) };
  const { rows } = await sql`
    with conversation as materialized (
      select id, tenant_id, brain_id, person_id, api_key_id from conversations
      where id = ${turn.conversation_id} for no key update
    ), ended as (
      update turns set status = ${status}, finish_reason = ${finishReason}, answer = ${answer}, answered = ${answered},
        answerer_name = ${turn.answerer.name},
        citations = ${storableJson(citations)}, usage = ${usage && JSON.stringify(usage)},
        error = ${error && storableJson(error)}, finished_at = ${finishedAt}
      from conversation where turns.id = ${turn.id} and turns.status = 'streaming'
        and (not ${expired} or turns.lease_until < now())
      returning turns.id
    ), inserted as (
      insert into turn_events (turn_id, place, event, data)
      select id, ${sequence}, ${last.event}, ${last.json} from ended
    ), billed as (${usageRecord(sql`ended`, entries)}), released as (${releaseSql(sql`ended`)}), touched as (
      update conversations set updated_at = now() where id in (select conversation.id from conversation, ended)
    ), recorded as (${record(sql`ended`)})
    select pg_notify(${turnsChannel}, 'events ' || id) from ended`.execute(db);
  return rows.length > 0 ? last : null;
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
