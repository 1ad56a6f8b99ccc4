/** PostgreSQL session locks: they end with the connection, so a killed worker holds none. One connection holds a pool's. */
import type { Pool, PoolClient } from 'pg';

/** A connection while locks are held on it. */
class Session {
  /** A session may take its own locks again, so who has one in this process is known here. */
  readonly names = new Set<string>();
  readonly #lost = new AbortController();
  readonly #client: Promise<PoolClient>;
  #broken?: Error;

  constructor(pool: Pool) {
    this.#client = pool.connect().then((client) => client.on('error', this.#noteBroken));
    this.#client.catch(this.#noteBroken);
  }

  get broken(): boolean {
    return this.#broken !== undefined;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async take(name: string): Promise<boolean> {
    const client = await this.#client;
    try {
      const locked = 'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked';
      return (await client.query<{ locked: boolean }>(locked, [name])).rows[0]?.locked ?? false;
    } catch (error) {
      this.#noteBroken(error as Error);
      throw error;
    }
  }

  async give(name: string): Promise<void> {
    if (this.#broken) return;
    const client = await this.#client;
    await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', [name]).catch(this.#noteBroken);
  }

  async close(): Promise<void> {
    const client = await this.#client;
    client.off('error', this.#noteBroken);
    client.release(this.#broken);
  }

  /** Unknown state: the connection is closed, and with it its locks. */
  readonly #noteBroken = (error: Error): void => {
    this.#broken ??= error;
    this.#lost.abort(new Error(`the locks of a connection were lost: ${error.message}`));
  };
}

const sessions = new WeakMap<Pool, Session>();

/**
 * Runs `action` unless another process, or another call in this one, holds the lock of that name.
 *
 * @param action gets a signal that aborts when the connection breaks, and its locks with it
 * @returns whether it ran
 */
export async function tryLock(
  pool: Pool,
  name: string,
  action: (held: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const open = sessions.get(pool);
  const session = open && !open.broken ? open : new Session(pool);
  sessions.set(pool, session);
  if (session.names.has(name)) return false;
  session.names.add(name);
  try {
    if (!(await session.take(name))) return false;
    try {
      await action(session.lost);
      return true;
    } finally {
      await session.give(name);
    }
  } finally {
    session.names.delete(name);
    // The last one gives the connection back.
    if (session.names.size === 0) {
      if (sessions.get(pool) === session) sessions.delete(pool);
      await session.close().catch(() => {});
    }
  }
}

/** Held while a document is indexed or deleted: never both. */
export const documentLock = (documentId: string) => `document ${documentId}`;
/** Held while vectors of a document are made. Not the lock above: a deletion waits for no embedding, epochs fence it. */
export const vectorsLock = (documentId: string) => `vectors of ${documentId}`;
