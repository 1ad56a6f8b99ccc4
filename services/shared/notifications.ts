/** LISTEN on a connection of its own, made again when it breaks. */
import pg from 'pg';
import type { Logger } from './log.ts';

/** Pause before the next try: a restart of PostgreSQL takes seconds. */
const retryMs = 1000;

export interface Notifications {
  /** Resolves with the first connection; until then nothing is heard. */
  readonly connected: Promise<void>;
  close(): Promise<void>;
}

/**
 * Calls `onNotify` with the payload of every notification on the channel, and with `null` after each (re)connect, since
 * some may have been missed.
 */
export function listenTo(
  url: string,
  channel: string,
  log: Logger,
  onNotify: (payload: string | null) => void,
): Notifications {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let connecting = Promise.resolve();
  const { promise: connected, resolve: firstConnected } = Promise.withResolvers<void>();

  const connect = async () => {
    const next = new pg.Client({ connectionString: url, keepAlive: true, connectionTimeoutMillis: 10_000 });
    client = next;
    let broken = false;
    const again = (error?: Error) => {
      if (closed || broken) return;
      broken = true;
      log.warn({ err: error, channel }, 'notifications lost, connecting again');
      next.end().catch(() => {});
      timer = setTimeout(start, retryMs);
    };
    next.on('error', again);
    next.on('end', () => again());
    next.on('notification', ({ payload }) => onNotify(payload || null));
    try {
      await next.connect();
      await next.query(`listen ${pg.escapeIdentifier(channel)}`);
      firstConnected();
      onNotify(null);
    } catch (error) {
      again(error as Error);
    }
  };
  const start = () => {
    if (!closed) connecting = connect();
  };
  start();
  return {
    connected,
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await connecting;
      await client?.end();
    },
  };
}
