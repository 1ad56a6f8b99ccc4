/** Hears of every new row in `events`: its trigger notifies with the tenant's id. One connection per process. */
import type { Logger } from '../../shared/log.ts';
import { listenTo } from '../../shared/postgres/notifications.ts';

export interface ChangeListener {
  /** Resolves once it hears; until then nothing is told. */
  readonly connected: Promise<void>;
  /** Calls back when something of the tenant changed, or may have: after the connection was lost. @returns stops it */
  on(tenantId: string, changed: () => void): () => void;
  /** The same for all tenants. */
  onAny(changed: () => void): () => void;
  close(): Promise<void>;
}

const any = '*';

export function listenForChanges(url: string, log: Logger): ChangeListener {
  const watchers = new Map<string, Set<() => void>>();
  const notifications = listenTo(url, 'events', log, (tenantId) => {
    const concerned = tenantId === null ? [...watchers.values()] : [watchers.get(tenantId), watchers.get(any)];
    for (const all of concerned) for (const changed of all ?? []) changed();
  });

  const on = (tenantId: string, changed: () => void) => {
    const all = watchers.get(tenantId) ?? new Set();
    watchers.set(tenantId, all.add(changed));
    return () => {
      all.delete(changed);
      if (all.size === 0 && watchers.get(tenantId) === all) watchers.delete(tenantId);
    };
  };
  const { connected, close } = notifications;
  return { connected, on, onAny: (changed) => on(any, changed), close };
}
