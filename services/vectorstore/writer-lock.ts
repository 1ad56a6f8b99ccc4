/**
 * One writer per brain, over all replicas: a PostgreSQL advisory lock on a connection of its own, held for the length of
 * the write. If that connection breaks in mid-write another writer may start; then LanceDB's own optimistic commits
 * are the second fence: one of the two commits first, the other is rebased or refused, nothing is lost.
 */
import { type BulkheadPolicy, BulkheadRejectedError, bulkhead } from 'cockatiel';
import type pg from 'pg';
import { ProblemError } from '../shared/problem.ts';

export interface WriterLock {
  /** @throws ProblemError `unavailable` with Retry-After when the lock is not free within `waitMs` */
  hold<Answer>(brainId: string, write: () => Promise<Answer>, waitMs?: number): Promise<Answer>;
}

/** A commit takes well below a second; a compaction of a large brain some seconds. Callers try again after this. */
const waitMsDefault = 10_000;
const retryAfterS = 2;
/** Writers of one brain that wait inside this replica: they hold their chunks in memory, no connection. */
const waitersMax = 16;

export function createWriterLock(pool: pg.Pool): WriterLock {
  // Writers of one brain queue here first, so that they hold one connection, not the pool.
  const brains = new Map<string, { readonly turns: BulkheadPolicy; users: number }>();

  return {
    hold: async (brainId, write, waitMs = waitMsDefault) => {
      const deadline = Date.now() + waitMs;
      const brain = brains.get(brainId) ?? { turns: bulkhead(1, waitersMax), users: 0 };
      brains.set(brainId, brain);
      brain.users += 1;
      try {
        return await brain.turns.execute(() => locked(pool, brainId, Math.max(1, deadline - Date.now()), write));
      } catch (error) {
        throw error instanceof BulkheadRejectedError ? busy(brainId) : error;
      } finally {
        brain.users -= 1;
        if (brain.users === 0) brains.delete(brainId);
      }
    },
  };
}

async function locked<Answer>(
  pool: pg.Pool,
  brainId: string,
  waitMs: number,
  write: () => Promise<Answer>,
): Promise<Answer> {
  const client = await pool.connect();
  let broken: Error | undefined;
  client.on('error', noteBroken);
  function noteBroken(error: Error): void {
    broken = error;
  }
  try {
    await client.query(`set lock_timeout = ${waitMs}`);
    await client.query(`select pg_advisory_lock(hashtextextended($1, 0))`, [lockName(brainId)]);
    try {
      return await write();
    } finally {
      // A connection that cannot unlock is closed, which unlocks too.
      await client
        .query(`select pg_advisory_unlock(hashtextextended($1, 0)), set_config('lock_timeout', '0', false)`, [
          lockName(brainId),
        ])
        .catch(noteBroken);
    }
  } catch (error) {
    throw (error as { code?: string }).code === lockNotAvailable ? busy(brainId) : error;
  } finally {
    client.off('error', noteBroken);
    client.release(broken);
  }
}

const lockName = (brainId: string) => `vectors:${brainId}`;
/** SQLSTATE of an expired lock_timeout. */
const lockNotAvailable = '55P03';

function busy(brainId: string): ProblemError {
  return new ProblemError('unavailable', `Another writer is at work on brain ${brainId}. Try again soon.`, {
    retryAfterS,
  });
}
