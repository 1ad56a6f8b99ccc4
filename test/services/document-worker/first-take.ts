/** When an account's first call may have left: its meter was asked, and had given nothing yet. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { meterState } from '../../../services/shared/scheduler/meters.ts';
import type { ScriptPlace } from '../../../services/shared/scheduler/script.ts';

/**
 * Calls leave at the meter's pace and arrive late where the machine is busy, so the time from the first to arrive to the last
 * says too little. From this moment on it is never less than it was.
 *
 * @returns ends the watch; resolves to milliseconds as of `Date.now()`
 */
export function watchFirstTake(redis: Redis, account: string, place: ScriptPlace = {}): () => Promise<number> {
  let noneAtMs = Date.now();
  let over = false;
  const watching = (async () => {
    // What was taken before, and fades.
    let known = Number.POSITIVE_INFINITY;
    while (!over) {
      const askedMs = Date.now();
      const { requests } = (await meterState(redis, account, place)).taken;
      if (requests > known) return;
      known = requests;
      noneAtMs = askedMs;
      await sleep(5);
    }
  })();
  return async () => {
    over = true;
    await watching;
    return noneAtMs;
  };
}
