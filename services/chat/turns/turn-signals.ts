/**
 * What replicas tell each other about turns, over PostgreSQL's LISTEN/NOTIFY on one connection per process: new events
 * were written, somebody still watches, stop. A signal may be lost with a connection; whoever waits also looks itself.
 */
import { sql } from 'kysely';
import type { Logger } from '../../shared/log.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { listenTo } from '../../shared/postgres/notifications.ts';

export type TurnSignal = 'events' | 'watched' | 'stop';

export interface TurnSignals {
  /** Resolves once signals are heard; until then whoever waits looks itself. */
  readonly connected: Promise<void>;
  /** @returns stops listening */
  on(turnId: string, heard: (signal: TurnSignal) => void): () => void;
  send(signal: TurnSignal, turnId: string): Promise<void>;
  close(): Promise<void>;
}

export const turnsChannel = 'turns';

export function openTurnSignals(url: string, db: Database, log: Logger): TurnSignals {
  const listeners = new Map<string, Set<(signal: TurnSignal) => void>>();
  const notifications = listenTo(url, turnsChannel, log, (payload) => {
    // After a lost connection anything may have been written.
    if (payload === null) for (const all of listeners.values()) for (const heard of all) heard('events');
    const [signal, turnId] = (payload ?? '').split(' ');
    for (const heard of listeners.get(turnId ?? '') ?? []) heard(signal as TurnSignal);
  });

  return {
    connected: notifications.connected,
    on: (turnId, heard) => {
      const all = listeners.get(turnId) ?? new Set();
      listeners.set(turnId, all.add(heard));
      return () => {
        all.delete(heard);
        if (all.size === 0 && listeners.get(turnId) === all) listeners.delete(turnId);
      };
    },
    send: async (signal, turnId) => {
      await sql`select pg_notify(${turnsChannel}, ${`${signal} ${turnId}`})`.execute(db);
    },
    close: notifications.close,
  };
}
