/** How every connection to PostgreSQL is made: none waits for ever, and the loss of none ends the process. */
import type pg from 'pg';
import { fromPostgres } from '../http/unavailable.ts';
import type { Logger } from '../log.ts';

/** Longer than a connection takes through TLS on a busy server, shorter than callers wait. */
export const connectTimeoutMs = 5000;
/** A statement of a request takes milliseconds; one that takes this long holds a connection that others need. */
export const requestStatementTimeoutMs = 15_000;
/** Of background work: a clean-up of thousands of rows, the pages of a long document. */
export const workStatementTimeoutMs = 60_000;
/** The server's own limit ends a statement that is only slow; after this much more the connection is taken for dead. */
const answerReserveMs = 2000;
/** The longest pause inside a transaction of ours is a write to a slow neighbour; whoever holds locks longer is gone. */
const idleInTransactionMs = 30_000;
const keepAliveInitialDelayMs = 10_000;

/**
 * The server's eyes on us: a worker whose machine vanished must not hold its locks for the two hours that TCP takes by
 * default. `client_connection_check_interval` sees it also while a statement runs.
 */
const serverSide = [
  'tcp_keepalives_idle=30',
  'tcp_keepalives_interval=10',
  'tcp_keepalives_count=3',
  'client_connection_check_interval=10s',
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/** @param readOnly every transaction refuses to write, whatever the role may */
export function connectionOptions(url: string, statementTimeoutMs: number, readOnly = false): pg.ClientConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + answerReserveMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    options: readOnly ? `${serverSide} -c default_transaction_read_only=on` : serverSide,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveInitialDelayMs,
  };
}

type Query = (...given: unknown[]) => unknown;
type Callback = (error: unknown, result?: unknown) => void;

/**
 * Makes every connection of the pool safe to lose: its `error` is heard for as long as it lives (checked out, the pool
 * does not listen, and an error that nobody hears ends the process), its errors say that PostgreSQL is away, and one that
 * did not answer in time is closed, for its late answer would be taken for that of the next statement's turn.
 *
 * @param pool before its first connection
 */
export function guardConnections(pool: pg.Pool, log: Logger): void {
  // The pool replaces what breaks while idle.
  pool.on('error', (error) => log.warn({ err: error }, 'idle database connection lost'));
  pool.on('connect', (client) => {
    client.on('error', (error) => log.warn({ err: error }, 'database connection lost'));
    const query = client.query.bind(client) as Query;
    const failed = (error: unknown) => {
      if ((error as Error).message === 'Query read timeout') void (client as unknown as pg.Client).end();
      return fromPostgres(error);
    };
    client.query = ((...given: unknown[]) => {
      const callback = given.at(-1);
      if (typeof callback === 'function') {
        const answer = callback as Callback;
        return query(...given.slice(0, -1), (error: unknown, result: unknown) =>
          answer(error ? failed(error) : error, result),
        );
      }
      const answered = query(...given);
      return answered instanceof Promise
        ? answered.catch((error: unknown) => {
            throw failed(error);
          })
        : answered;
    }) as typeof client.query;
  });
  const connect = pool.connect.bind(pool) as (callback?: unknown) => Promise<pg.PoolClient>;
  pool.connect = ((callback?: unknown) =>
    callback
      ? connect(callback)
      : connect().catch((error: unknown) => {
          throw fromPostgres(error);
        })) as typeof pool.connect;
}
