/**
 * Writes the events of this replica's turns: all that is new, every 100 ms, in one statement, so that a hundred streams
 * cost ten commits a second, and two for each answer, whose first and last words wait for no interval. Nobody sees an event before
 * it is written; so any replica can resume a stream after any event, even when this one dies in mid-sentence.
 *
 * The statement is fenced: events of a turn that is no longer streaming here (deleted, or given up by a sweeper because
 * this replica was away) are not written, and the turn is told.
 *
 * Other replicas are told of new events only where one of them reads: commits that notify take turns in all of
 * PostgreSQL (its async.c, PreCommit_Notify), and wake every process that listens to anything.
 */
import { sql } from 'kysely';
import type { Logger } from '../../shared/log.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { storableJson } from './storable.ts';
import { turnsChannel } from './turn-signals.ts';

export interface NewEvent {
  readonly turnId: string;
  readonly sequence: number;
  readonly event: string;
  /** May grow until it is {@link taken}: tokens are joined. */
  readonly data: object;
  /** Somebody waits for it: it is written at once, not with the next ones. */
  readonly urgent: boolean;
  readonly taken: () => void;
  readonly written: (event: WrittenEvent) => void;
  /** The turn is no longer this replica's. */
  readonly refused: () => void;
  /** Somebody reads on another replica, which must be told. */
  readonly followed: () => boolean;
}

export interface WrittenEvent {
  readonly sequence: number;
  readonly event: string;
  readonly json: string;
}

export interface TurnJournal {
  append(event: NewEvent): void;
  /** Everything appended so far of this turn is written or refused. */
  flush(turnId: string): Promise<void>;
}

/** Below what a reader notices as uneven; the first event of a pause is written at once. */
const intervalMs = 100;
/** A database that fails over is back within seconds; after that the turns are given up. */
const triesMax = 20;
const retryMs = 500;

export function createTurnJournal(db: Database, replica: string, log: Logger): TurnJournal {
  let pending: NewEvent[] = [];
  let writing: Promise<void> | null = null;
  let scheduled = false;
  let lastAll = 0;
  let allDue = false;
  /** Turns whose events somebody waits for. */
  const awaited = new Set<string>();

  const isDue = ({ turnId }: NewEvent) => allDue || awaited.has(turnId);
  const writeDue = async () => {
    try {
      while (pending.some(isDue)) {
        const batch = pending.filter(isDue);
        pending = pending.filter((event) => !isDue(event));
        allDue = false;
        awaited.clear();
        await write(db, replica, batch, log);
      }
    } finally {
      allDue = false;
      awaited.clear();
      writing = null;
      if (pending.length > 0) schedule();
    }
  };
  const start = async () => {
    if (!writing) {
      if (pending.some(isDue)) writing = writeDue();
      else awaited.clear();
    }
    await writing;
  };
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    setTimeout(
      () => {
        scheduled = false;
        lastAll = performance.now();
        allDue = true;
        void start();
      },
      Math.max(0, lastAll + intervalMs - performance.now()),
    );
  };
  const startFor = (turnId: string) => {
    awaited.add(turnId);
    return start();
  };

  return {
    append: (event) => {
      pending.push(event);
      // With what comes in the same moment: a built-in answer is there all at once.
      if (event.urgent) setImmediate(() => void startFor(event.turnId));
      else schedule();
    },
    flush: startFor,
  };
}

async function write(db: Database, replica: string, batch: readonly NewEvent[], log: Logger): Promise<void> {
  const followed = new Set<string>();
  const rows = batch.map(({ turnId, sequence, event, data, taken, followed: isFollowed }) => {
    taken();
    if (isFollowed()) followed.add(turnId);
    return { turnId, sequence, event, json: storableJson(data) };
  });
  let alive: ReadonlySet<string> = new Set();
  for (let tries = 1; tries <= triesMax; tries++) {
    try {
      alive = await insert(db, replica, rows, followed);
      break;
    } catch (error) {
      log.warn({ err: error, events: rows.length, tries }, 'events of turns not written yet');
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
  for (const [index, { written, refused, turnId }] of batch.entries()) {
    const { sequence, event, json } = rows[index] as (typeof rows)[number];
    if (alive.has(turnId)) written({ sequence, event, json });
    else refused();
  }
}

type Row = { readonly turnId: string; readonly sequence: number; readonly event: string; readonly json: string };

/** @returns turns that are still this replica's; their events are written, once, also when this is tried again */
async function insert(
  db: Database,
  replica: string,
  rows: readonly Row[],
  followed: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const ids = [...new Set(column(rows, 'turnId'))];
  const { rows: alive } = await sql<{ id: string }>`
    with alive as materialized (
      select id from turns where id = any(${ids}::uuid[]) and status = 'streaming' and replica = ${replica} for share
    ), written as (
      insert into turn_events (turn_id, place, event, data)
      select new.turn_id, new.place, new.event, new.data
      from unnest(${column(rows, 'turnId')}::uuid[], ${column(rows, 'sequence')}::int[], ${column(rows, 'event')}::text[], ${column(rows, 'json')}::jsonb[])
        as new (turn_id, place, event, data)
      join alive on alive.id = new.turn_id
      on conflict do nothing
    )
    select id, case when id = any(${[...followed]}::uuid[]) then pg_notify(${turnsChannel}, 'events ' || id) end
    from alive`.execute(db);
  return new Set(alive.map(({ id }) => id));
}

/** For `unnest`, which takes rows column by column. */
export const column = <Row, Key extends keyof Row>(rows: readonly Row[], key: Key) => rows.map((row) => row[key]);
