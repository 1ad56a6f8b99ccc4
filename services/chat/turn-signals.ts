/**
 * What replicas tell each other about turns, over PostgreSQL's LISTEN/NOTIFY on one connection per process: new events
 * were written, somebody still watches, stop. A signal may be lost with a connection; whoever waits also looks itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import pg from 'pg';
import type { Database } from '../shared/database.ts';
import type { Logger } from '../shared/log.ts';

export type TurnSignal = 'events' | 'watched' | 'stop';

export interface TurnSignals {
  /** @returns stops listening */
  on(turnId: string, heard: (signal: TurnSignal) => void): () => void;
  send(signal: TurnSignal, turnId: string): Promise<void>;
  close(): Promise<void>;
}

export const turnsChannel = 'turns';
/** Soon enough for a person who watches, rare enough for a database that restarts. */
const reconnectMs = 1000;

export async function openTurnSignals(url: string, db: Database, log: Logger): Promise<TurnSignals> {
  const listeners = new Map<string, Set<(signal: TurnSignal) => void>>();
  const closing = new AbortController();
  let client: pg.Client | null = null;

  const connect = async () => {
    const fresh = new pg.Client({ connectionString: url, application_name: 'turns', keepAlive: true });
    fresh.on('error', (error) => log.warn({ err: error }, 'lost the connection that hears of turns'));
    fresh.on('notification', ({ payload = '' }) => {
      const [signal, turnId] = payload.split(' ');
      for (const heard of listeners.get(turnId as string) ?? []) heard(signal as TurnSignal);
    });
    await fresh.connect();
    await fresh.query(`listen ${turnsChannel}`);
    fresh.once('end', () => void reconnect());
    client = fresh;
  };
  const reconnect = async () => {
    while (!closing.signal.aborted) {
      await sleep(reconnectMs, undefined, { signal: closing.signal }).catch(() => {});
      if (closing.signal.aborted) return;
      try {
        await connect();
        for (const all of listeners.values()) for (const heard of all) heard('events');
        return;
      } catch (error) {
        log.warn({ err: error }, 'cannot hear of turns yet');
      }
    }
  };
  await connect();

  return {
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
    close: async () => {
      closing.abort();
      client?.removeAllListeners('end');
      await client?.end();
    },
  };
}
