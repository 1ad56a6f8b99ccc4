/**
 * One writer per brain, over all replicas: a PostgreSQL advisory lock on a connection of its own, held for the length of
 * the write. If that connection breaks in mid-write another writer may start. Then the write is aborted where it can
 * be, never answered as done, and its commit is fenced by epochs (chunk-table.ts): it takes nothing from a newer run.
 */
import { type BulkheadPolicy, BulkheadRejectedError, bulkhead } from 'cockatiel';
import type pg from 'pg';
import { ProblemError } from '../../shared/http/problem.ts';

export interface WriterLock {
  /**
   * @param write gets a signal that aborts when the lock is lost
   * @throws ProblemError `unavailable` with Retry-After when the lock is not free within `waitMs`
   * @throws LockLostError when the lock was lost meanwhile, whatever `write` did
   */
  hold<Answer>(brainId: string, write: (held: AbortSignal) => Promise<Answer>, waitMs?: number): Promise<Answer>;
}

/** What was written under the lock may stand, or not. */
export class LockLostError extends ProblemError {
  constructor(brainId: string) {
    super('unavailable', `The lock of brain ${brainId} was lost in mid-write. Try again.`, { retryAfterS });
    this.name = 'LockLostError';
  }
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
      const deadline = performance.now() + waitMs;
      const brain = brains.get(brainId) ?? { turns: bulkhead(1, waitersMax), users: 0 };
      brains.set(brainId, brain);
      brain.users += 1;
      try {
        return await brain.turns.execute(() => locked(pool, brainId, Math.max(1, deadline - performance.now()), write));
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
  write: (held: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const client = await pool.connect();
  const lost = new AbortController();
  let broken: Error | undefined;
  function noteBroken(error: Error): void {
    broken = error;
    lost.abort(new LockLostError(brainId));
  }
  client.on('error', noteBroken);
  try {
    await client.query(`set lock_timeout = ${waitMs}`);
    await client.query(`select pg_advisory_lock(hashtextextended($1, 0))`, [lockName(brainId)]);
    try {
      const answer = await write(lost.signal);
      await unlock();
      lost.signal.throwIfAborted();
      return answer;
    } catch (error) {
      await unlock();
      throw error;
    }
  } catch (error) {
    throw (error as { code?: string }).code === lockNotAvailable ? busy(brainId) : error;
  } finally {
    client.off('error', noteBroken);
    client.release(broken);
  }

  /** Repeating is harmless. A connection that cannot unlock is closed, which unlocks too. */
  async function unlock(): Promise<void> {
    if (broken) return;
    const release = `select pg_advisory_unlock(hashtextextended($1, 0)) as held, set_config('lock_timeout', '0', false)`;
    try {
      const { rows } = await client.query<{ held: boolean }>(release, [lockName(brainId)]);
      if (!rows[0]?.held) noteBroken(new Error(`the lock of brain ${brainId} was not held`));
    } catch (error) {
      noteBroken(error as Error);
    }
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
