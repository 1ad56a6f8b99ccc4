/** PostgreSQL session locks: they end with the connection, so a killed worker holds none. */
import type { Pool } from 'pg';

/**
 * Runs `action` unless another process holds the lock of that name.
 *
 * @param action gets a signal that aborts when the connection breaks, and the lock with it
 * @returns whether it ran
 */
export async function tryLock(
  pool: Pool,
  name: string,
  action: (held: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const client = await pool.connect();
  const lost = new AbortController();
  let broken: Error | undefined;
  const noteBroken = (error: Error) => {
    broken = error;
    lost.abort(new Error(`the lock '${name}' was lost: ${error.message}`));
  };
  client.on('error', noteBroken);
  try {
    const { rows } = await client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked',
      [name],
    );
    if (!rows[0]?.locked) return false;
    try {
      await action(lost.signal);
      return true;
    } finally {
      // Unknown state: the connection is closed, and with it the lock.
      if (!broken) await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', [name]).catch(noteBroken);
    }
  } finally {
    client.off('error', noteBroken);
    client.release(broken);
  }
}

/** Held while a document is indexed or deleted: never both. */
export const documentLock = (documentId: string) => `document ${documentId}`;
/** Held while vectors of a document are made. Not the lock above: a deletion waits for no embedding, epochs fence it. */
export const vectorsLock = (documentId: string) => `vectors of ${documentId}`;
