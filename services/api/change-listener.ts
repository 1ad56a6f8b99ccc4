/** One connection per process that hears of every new row in `events` (its trigger notifies with the tenant's id). */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../shared/log.ts';

export interface ChangeListener {
  /** Calls back when something of the tenant changed, or may have: after the connection was lost. @returns stops it */
  on(tenantId: string, changed: () => void): () => void;
  /** The same for all tenants. */
  onAny(changed: () => void): () => void;
  close(): Promise<void>;
}

/** Between attempts to connect again: soon enough for a person who watches, rare enough for a database that restarts. */
const reconnectMs = 1000;

const any = '*';

export async function listenForChanges(url: string, log: Logger): Promise<ChangeListener> {
  const watchers = new Map<string, Set<() => void>>();
  const closing = new AbortController();
  let client: pg.Client;

  const connect = async () => {
    client = new pg.Client({ connectionString: url, application_name: 'changes', keepAlive: true });
    client.on('notification', ({ payload }) => {
      for (const tenantId of [payload ?? '', any]) for (const changed of watchers.get(tenantId) ?? []) changed();
    });
    client.on('error', (error) => log.warn({ err: error }, 'lost the connection that hears of changes'));
    client.on('end', () => void reconnect());
    await client.connect();
    await client.query('listen events');
  };
  const reconnect = async () => {
    while (!closing.signal.aborted) {
      await sleep(reconnectMs, undefined, { signal: closing.signal }).catch(() => {});
      if (closing.signal.aborted) return;
      try {
        await connect();
        for (const all of watchers.values()) for (const changed of all) changed();
        return;
      } catch (error) {
        client.removeAllListeners('end');
        log.warn({ err: error }, 'cannot hear of changes yet');
        await client.end().catch(() => {});
      }
    }
  };
  await connect();

  const on = (tenantId: string, changed: () => void) => {
    const all = watchers.get(tenantId) ?? new Set();
    watchers.set(tenantId, all.add(changed));
    return () => {
      all.delete(changed);
      if (all.size === 0 && watchers.get(tenantId) === all) watchers.delete(tenantId);
    };
  };
  return {
    on,
    onAny: (changed) => on(any, changed),
    close: async () => {
      closing.abort();
      client.removeAllListeners('end');
      await client.end();
    },
  };
}
