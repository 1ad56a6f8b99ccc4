/**
 * Reads the event log once per process and hands each tenant's news to its watchers.
 *
 * A change is told at once; then the hub rests for {@link restMs} and tells what came meanwhile together, one event per
 * resource with its newest state. So a burst of a thousand page events costs a watcher four messages a second.
 */

import { UnavailableError } from '../../shared/http/unavailable.ts';
import type { Logger } from '../../shared/log.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { endOfLog, eventsAfter, type LoggedEvent, type LogPosition } from './event-store.ts';

/** Four times a second looks like moving, and is cheap to draw. */
const restMs = 250;
/** When the database does not answer. */
const retryMs = 2000;
/** Should a notification be lost (a half-open connection, a failover), news is only this much late. */
const lookEveryMs = 10_000;

/** An event as watchers get it. */
export interface Message {
  readonly event: string;
  readonly data: unknown;
  /** Set: for this person alone. */
  readonly personId: string | null;
}
export type Render = (tenantId: string, events: readonly LoggedEvent[]) => Promise<Message[]>;
/** Everything up to `position` has been told then. */
export type Watcher = (messages: readonly Message[], position: LogPosition) => void;

export interface EventHub {
  /** Resolves when the end of the log is known. */
  readonly ready: Promise<void>;
  /** How far every watcher has been told. @throws UnavailableError before {@link EventHub.ready} */
  readonly position: LogPosition;
  /** @returns stops it */
  watch(tenantId: string, watcher: Watcher): () => void;
  /** Something was logged. */
  wake(): void;
  close(): Promise<void>;
}

export function openEventHub(db: Database, render: Render, log: Logger): EventHub {
  const watchers = new Map<string, Set<Watcher>>();
  let position: LogPosition | undefined;
  const { promise: ready, resolve: known } = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let again = false;
  let closed = false;
  /** By a clock that nobody sets. */
  let restsUntilMs = 0;

  const look = async () => {
    if (!position) {
      position = await endOfLog(db);
      known();
    }
    const { events, held } = await eventsAfter(db, position);
    const byTenant = Map.groupBy(events, (event) => event.tenantId);
    const rendered = new Map<string, readonly Message[]>();
    for (;;) {
      // Again for who begins to watch while the news of others is rendered: from the same position on, it is theirs too.
      const missing = [...byTenant].filter(([tenantId]) => watchers.has(tenantId) && !rendered.has(tenantId));
      if (missing.length === 0) break;
      await Promise.all(
        missing.map(async ([tenantId, some]) => rendered.set(tenantId, await render(tenantId, newest(some)))),
      );
    }
    // Told and moved on in one breath: a watcher that comes now starts exactly here.
    const reached = events.at(-1)?.position ?? position;
    position = reached;
    for (const [tenantId, messages] of rendered)
      for (const watcher of watchers.get(tenantId) ?? []) watcher(messages, reached);
    again ||= held;
  };
  const schedule = () => {
    if (closed || timer || looking) return;
    timer = setTimeout(run, Math.max(0, restsUntilMs - performance.now()));
  };
  const run = () => {
    timer = undefined;
    again = false;
    restsUntilMs = performance.now() + restMs;
    looking = look()
      .catch((error: Error) => {
        log.warn({ err: error }, 'cannot read the event log');
        restsUntilMs = performance.now() + retryMs;
        again = true;
      })
      .finally(() => {
        looking = undefined;
        if (again) schedule();
      });
  };

  const wake = () => {
    again = true;
    schedule();
  };
  const poll = setInterval(wake, lookEveryMs);
  wake();

  return {
    ready,
    get position() {
      if (!position) throw new UnavailableError('postgres', 'the event log was not read yet');
      return position;
    },
    watch: (tenantId, watcher) => {
      const all = watchers.get(tenantId) ?? new Set();
      watchers.set(tenantId, all.add(watcher));
      return () => {
        all.delete(watcher);
        if (all.size === 0 && watchers.get(tenantId) === all) watchers.delete(tenantId);
      };
    },
    wake,
    close: async () => {
      closed = true;
      clearInterval(poll);
      clearTimeout(timer);
      await looking;
    },
  };
}

/** The last event of each resource, in order: each carries the whole new state. */
export function newest(events: readonly LoggedEvent[]): LoggedEvent[] {
  const last = new Map(events.map((event, index) => [event.resourceId, index]));
  return events.filter((event, index) => last.get(event.resourceId) === index);
}
