/** LISTEN on a connection of its own, made again when it breaks or does not answer any more. */
import pg from 'pg';
import type { Logger } from '../log.ts';
import { connectionOptions } from './database-options.ts';

/** Pause before the next try: a restart of PostgreSQL takes seconds. */
const retryMs = 1000;
/**
 * A connection that only listens never notices that the other end is gone: a failover, or a firewall that forgot it,
 * leaves it open and silent. So it is asked; whoever waits for a notification also looks by itself, more seldom.
 */
const heartbeatMsDefault = 10_000;
const answerTimeoutMsDefault = 5000;

export interface NotificationTimes {
  /** @default 10000 */
  readonly heartbeatMs?: number;
  /** @default 5000 */
  readonly answerTimeoutMs?: number;
}

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
  { heartbeatMs = heartbeatMsDefault, answerTimeoutMs = answerTimeoutMsDefault }: NotificationTimes = {},
): Notifications {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let connecting = Promise.resolve();
  const { promise: connected, resolve: firstConnected } = Promise.withResolvers<void>();

  const connect = async () => {
    const next = new pg.Client(connectionOptions(url, answerTimeoutMs));
    client = next;
    let broken = false;
    let heart: NodeJS.Timeout | undefined;
    const again = (error?: Error) => {
      if (closed || broken) return;
      broken = true;
      clearTimeout(heart);
      log.warn({ err: error, channel }, 'notifications lost, connecting again');
      next.end().catch(() => {});
      timer = setTimeout(start, retryMs);
    };
    next.on('error', again);
    next.on('end', () => {
      clearTimeout(heart);
      again();
    });
    next.on('notification', ({ payload }) => onNotify(payload || null));
    const beat = () => {
      if (closed || broken) return;
      heart = setTimeout(() => next.query('select 1').then(beat, again), heartbeatMs);
    };
    try {
      await next.connect();
      await next.query(`listen ${pg.escapeIdentifier(channel)}`);
      firstConnected();
      onNotify(null);
      beat();
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
