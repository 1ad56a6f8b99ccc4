/** Reads a turn's events from one of them on, wherever it is answered, until its last one. */
import type { Database } from '../../shared/postgres/database.ts';
import type { WrittenEvent } from './turn-journal.ts';
import type { TurnRunner } from './turn-runner.ts';
import type { TurnSignals } from './turn-signals.ts';
import { type TurnRow, toTurn } from './turn-store.ts';

export interface FollowOptions {
  readonly db: Database;
  readonly runner: TurnRunner;
  readonly signals: TurnSignals;
  readonly signal: AbortSignal;
}

/** A signal may be lost: so often it is looked, and the replica that answers is told that somebody reads. */
const lookEveryMs = 2000;
/** Events of one look. */
const eventsMax = 500;

/** @param after sequence of the last event that the reader has; 0: from the first */
export async function* followTurn(options: FollowOptions, turnId: string, after: number): AsyncGenerator<WrittenEvent> {
  let sequence = after;
  const local = options.runner.stream(turnId);
  if (local) {
    const leave = options.runner.watch(turnId);
    try {
      for (;;) {
        for (let at = sequence; at < local.written.length; at++) {
          const event = local.written[at] as WrittenEvent;
          yield event;
          sequence = event.sequence;
        }
        if (options.signal.aborted || local.ended === 'done') return;
        if (local.ended === 'lost') break;
        if (sequence >= local.written.length) await local.changed(options.signal);
      }
    } finally {
      leave();
    }
  }
  yield* followStored(options, turnId, sequence);
}

async function* followStored(
  { db, signals, signal }: FollowOptions,
  turnId: string,
  after: number,
): AsyncGenerator<WrittenEvent> {
  let sequence = after;
  let heard = Promise.withResolvers<void>();
  const unhear = signals.on(turnId, (kind) => {
    if (kind === 'events') heard.resolve();
  });
  const abort = () => heard.resolve();
  signal.addEventListener('abort', abort, { once: true });
  try {
    while (!signal.aborted) {
      heard = Promise.withResolvers();
      const events = await eventsAfter(db, turnId, sequence);
      for (const event of events) {
        yield event;
        sequence = event.sequence;
        if (isLast(event)) return;
      }
      if (events.length === eventsMax) continue;
      if (events.length === 0) {
        const turn = await findTurn(db, turnId);
        if (turn?.status !== 'streaming') {
          if (turn && !(await hasEvents(db, turnId))) yield endOf(turn, sequence);
          return;
        }
      }
      await signals.send('watched', turnId);
      const timer = setTimeout(() => heard.resolve(), lookEveryMs);
      if (!signal.aborted) await heard.promise;
      clearTimeout(timer);
    }
  } finally {
    signal.removeEventListener('abort', abort);
    unhear();
  }
}

const isLast = ({ event }: WrittenEvent) => event === 'done' || event === 'error';

async function eventsAfter(db: Database, turnId: string, after: number): Promise<WrittenEvent[]> {
  const rows = await db
    .selectFrom('turn_events')
    .select(['place', 'event', 'data'])
    .where('turn_id', '=', turnId)
    .where('place', '>', after)
    .orderBy('place')
    .limit(eventsMax)
    .execute();
  return rows.map(({ place, event, data }) => ({ sequence: place, event, json: JSON.stringify(data) }));
}

const findTurn = (db: Database, turnId: string) =>
  db.selectFrom('turns').selectAll().where('id', '=', turnId).executeTakeFirst();

async function hasEvents(db: Database, turnId: string): Promise<boolean> {
  const row = await db.selectFrom('turn_events').select('place').where('turn_id', '=', turnId).executeTakeFirst();
  return row !== undefined;
}

/** Its events have expired, or went with a document that they cite. */
function endOf(row: TurnRow, after: number): WrittenEvent {
  const turn = toTurn(row);
  return { sequence: after + 1, event: turn.error ? 'error' : 'done', json: JSON.stringify(turn.error ?? turn) };
}
