/**
 * Turns on something that only so much work should share: at most `runningMax` pieces of work run, what waits is served
 * first come, first served within a tenant, and tenant after tenant among them (round robin, as fair queuing with equal
 * pieces: Nagle, RFC 970). So one who asks seldom waits for about one piece of each other tenant, whatever they have
 * waiting. How much may wait is bounded by whoever admits (slots.ts).
 */

export interface FairQueue {
  readonly running: number;
  readonly waiting: number;
  /**
   * Runs `work` when its turn comes. What it throws is thrown here.
   *
   * @param signal aborted while it waits: it never runs
   * @throws the signal's reason
   */
  run<Result>(tenantId: string, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result>;
}

interface Waiting {
  readonly start: () => void;
}

export function createFairQueue(runningMax: number): FairQueue {
  if (!Number.isInteger(runningMax) || runningMax < 1)
    throw new Error(`work that runs at once is ${runningMax}, allowed is a whole number from 1`);
  let running = 0;
  /** In the order of their turns: a tenant that was served goes to the end. */
  const tenants = new Map<string, Set<Waiting>>();

  const next = () => {
    for (const [tenantId, line] of tenants) {
      const [first] = line;
      tenants.delete(tenantId);
      if (!first) continue;
      line.delete(first);
      if (line.size > 0) tenants.set(tenantId, line);
      first.start();
      return;
    }
  };
  const turn = async (tenantId: string, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    if (running < runningMax) {
      running += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const line = tenants.get(tenantId) ?? new Set();
      tenants.set(tenantId, line);
      const leave = () => {
        line.delete(waiting);
        reject(signal?.reason);
      };
      const waiting: Waiting = {
        start: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      line.add(waiting);
      signal?.addEventListener('abort', leave, { once: true });
    });
  };

  return {
    get running() {
      return running;
    },
    get waiting() {
      return [...tenants.values()].reduce((sum, line) => sum + line.size, 0);
    },
    run: async (tenantId, work, signal) => {
      await turn(tenantId, signal);
      try {
        return await work();
      } finally {
        // Whoever is next takes over what is freed, so that nobody comes in between.
        running -= 1;
        if ([...tenants.values()].some((line) => line.size > 0)) {
          running += 1;
          next();
        }
      }
    },
  };
}
