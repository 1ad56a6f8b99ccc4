/** What else this machine does: a call that met it says nothing about the tiers. Linux; elsewhere nothing is seen. */

import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Neighbours {
  /** CPU that they have used so far, ms. */
  usedMs(): number;
}

/** Agents of a machine look about every second; whoever did not run for so long is not watched. */
const watchMs = 3000;
/** Less is housekeeping. */
const usedMsMin = 1;

/** Of the programs that run now, and are not this one: to be called before anything that is measured has started. */
export async function findNeighbours(): Promise<Neighbours> {
  const threads = await threadsOfOthers();
  const before = threads.map(ranMs);
  await sleep(watchMs);
  const busy = threads.filter((thread, at) => ranMs(thread) - (before[at] ?? 0) > usedMsMin);
  return { usedMs: () => busy.reduce((sum, thread) => sum + ranMs(thread), 0) };
}

/** Their `schedstat` files. Not the kernel's own threads: those carry what the tiers send each other. */
async function threadsOfOthers(): Promise<string[]> {
  const processes = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const files = await Promise.all(
    processes.map(async (pid) => {
      if (Number(pid) === process.pid) return [];
      try {
        if ((await readFile(`/proc/${pid}/cmdline`)).length === 0) return [];
        return (await readdir(`/proc/${pid}/task`)).map((tid) => `/proc/${pid}/task/${tid}/schedstat`);
      } catch {
        // It has ended.
        return [];
      }
    }),
  );
  return files.flat();
}

/** Its first number is the time spent on a CPU, ns (Documentation/scheduler/sched-stats.rst). 0: it has ended. */
function ranMs(file: string): number {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) / 1e6;
  } catch {
    return 0;
  }
}
