/** PostgreSQL session locks: they end with the connection, so a killed worker holds none. */
import type { Pool } from 'pg';

/**
 * Runs `action` unless another process holds the lock of that name.
 *
 * @returns whether it ran
 */
export async function tryLock(pool: Pool, name: string, action: () => Promise<void>): Promise<boolean> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const noteBroken = (error: Error) => {
    broken = error;
  };
  client.on('error', noteBroken);
  try {
    const { rows } = await client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked',
      [name],
    );
    if (!rows[0]?.locked) return false;
    try {
      await action();
      return true;
    } finally {
      await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', [name]).catch((error: Error) => {
        // Unknown state: the connection is closed, and with it the lock.
        broken = error;
      });
    }
  } finally {
    client.off('error', noteBroken);
    client.release(broken);
  }
}

/** Held while a document is indexed or deleted: never both. */
export const documentLock = (documentId: string) => `document ${documentId}`;
