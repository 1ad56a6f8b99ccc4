/**
 * Transactions whose outcome is always known. When the connection breaks at COMMIT, the answer that was lost may have
 * been yes: PostgreSQL is asked on another connection what became of the transaction (`pg_xact_status`), so that nobody
 * undoes, or does twice, what stands. Holds for every transaction of {@link openDatabase}, better-auth's included.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  PostgresDialect,
  PostgresDriver,
  type TransactionSettings,
} from 'kysely';
import pg from 'pg';
import { UnavailableError } from '../http/unavailable.ts';
import type { Logger } from '../log.ts';

/** Nobody can say yet whether the transaction stands: undo nothing of it, and do not do it again without looking. */
export class OutcomeUnknownError extends UnavailableError {
  constructor(cause: unknown) {
    super('postgres', 'PostgreSQL was lost at COMMIT and does not say whether the transaction stands', { cause });
    this.name = 'OutcomeUnknownError';
  }
}

/** Spans a restart of PostgreSQL, and what a caller waits. */
const settleMs = 10_000;
const askEveryMs = 250;
/** A server that has not noticed the broken connection waits for more of it: its backend is ended, which decides. */
const patienceMs = 1500;

interface Begun {
  readonly xid: string;
  readonly pid: number;
}

export interface SettlingOptions {
  readonly pool: pg.Pool;
  /** Of connections to ask on, which do not come from the pool: all of it may wait for an outcome. */
  readonly connection: pg.ClientConfig;
  readonly log: Logger;
}

export class SettlingDialect extends PostgresDialect {
  readonly #options: SettlingOptions;

  constructor(options: SettlingOptions) {
    super({ pool: options.pool });
    this.#options = options;
  }

  override createDriver(): Driver {
    return new SettlingDriver(this.#options);
  }
}

class SettlingDriver extends PostgresDriver {
  readonly #options: SettlingOptions;
  readonly #begun = new WeakMap<DatabaseConnection, Begun>();

  constructor(options: SettlingOptions) {
    super({ pool: options.pool });
    this.#options = options;
    options.pool.on('connect', answerWithLast);
  }

  override async beginTransaction(
    connection: Parameters<PostgresDriver['beginTransaction']>[0],
    settings: TransactionSettings,
  ) {
    const plain = !settings.isolationLevel && !settings.accessMode;
    if (!plain) await super.beginTransaction(connection, settings);
    // Known before COMMIT, or never.
    const { rows } = await connection.executeQuery<Begun>(CompiledQuery.raw(plain ? beginAndAsk : whoAmI));
    if (rows[0]) this.#begun.set(connection, rows[0]);
  }

  override async commitTransaction(connection: Parameters<PostgresDriver['commitTransaction']>[0]) {
    try {
      await super.commitTransaction(connection);
    } catch (error) {
      const begun = this.#begun.get(connection);
      if (!(error instanceof UnavailableError) || !begun) throw error;
      const stands = await settle(this.#options, begun, error);
      this.#options.log.warn({ err: error, xid: begun.xid, stands }, 'connection lost at COMMIT, outcome found');
      if (!stands) throw error;
    }
  }

  override async rollbackTransaction(connection: Parameters<PostgresDriver['rollbackTransaction']>[0]) {
    // A broken connection rolls back by itself; what broke it is the error to tell.
    await super.rollbackTransaction(connection).catch((error: unknown) => {
      if (!(error instanceof UnavailableError)) throw error;
    });
  }
}

const whoAmI = 'select pg_current_xact_id()::text as xid, pg_backend_pid() as pid';
/** One way there and back, not two: every transaction waits for it. */
const beginAndAsk = `begin; ${whoAmI}`;

/** Several statements have several results, which Kysely does not know: it is given the last. */
function answerWithLast(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  client.query = ((given: unknown, ...rest: unknown[]) =>
    given === beginAndAsk
      ? (query(given) as Promise<pg.QueryResult[]>).then((results) => results.at(-1))
      : query(given, ...rest)) as typeof client.query;
}

/** Whether the transaction stands. @throws OutcomeUnknownError */
async function settle({ connection }: SettlingOptions, begun: Begun, lost: unknown): Promise<boolean> {
  const startedMs = performance.now();
  for (; performance.now() - startedMs < settleMs; await sleep(askEveryMs)) {
    const status = await ask(connection, begun, performance.now() - startedMs > patienceMs).catch(() => 'in progress');
    if (status !== 'in progress') return status === 'committed';
  }
  throw new OutcomeUnknownError(lost);
}

async function ask(connection: pg.ClientConfig, { xid, pid }: Begun, end: boolean): Promise<string> {
  const client = new pg.Client(connection);
  client.on('error', () => {});
  try {
    await client.connect();
    if (end)
      await client.query(
        // The same process and still the same transaction. `backend_xid` has the lower 32 bits.
        `select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_xid = ($2::xid8)::xid`,
        [pid, xid],
      );
    const { rows } = await client.query<{ status: string }>('select pg_xact_status($1::xid8) as status', [xid]);
    return rows[0]?.status ?? 'aborted';
  } finally {
    await client.end().catch(() => {});
  }
}
