/** Memory and CPU of this process and of the children that it names. Children are read from /proc: on Linux alone. */
import { readFile } from 'node:fs/promises';
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface ProcessUsage {
  readonly memoryBytes: number;
  /**
   * What is alive in this process alone: outside of V8's heap, and in it after its last full collection. Garbage that waits
   * is no leak, and children are replaced with what they leak.
   */
  readonly aliveBytes: number;
  /** Since the call before. */
  readonly cpuCores: number;
}

/** As every Linux is built that Node runs on. */
const pageBytes = 4096;
const ticksPerSecond = 100;

interface Collection extends PerformanceEntry {
  readonly detail?: { readonly kind?: number };
}

export interface UsageReader {
  read(): Promise<ProcessUsage>;
  /** A full collection, so that what is alive is known: some ten milliseconds, for quiet moments. */
  collect(): void;
  close(): void;
}

export function usageReader(children: () => readonly number[] = () => []): UsageReader {
  let heapAlive = getHeapStatistics().used_heap_size;
  const collections = new PerformanceObserver((list) => {
    const full = list
      .getEntries()
      .some((entry) => (entry as Collection).detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR);
    if (full) heapAlive = getHeapStatistics().used_heap_size;
  });
  collections.observe({ entryTypes: ['gc'] });
  let before = { atMs: performance.now(), cpu: process.cpuUsage(), children: new Map<number, number>() };
  const read = async () => {
    const seen = (await Promise.all(children().map(childUsage))).filter((one) => one !== null);
    const now = {
      atMs: performance.now(),
      cpu: process.cpuUsage(),
      children: new Map(seen.map(({ pid, cpuSeconds }) => [pid, cpuSeconds])),
    };
    const own = (now.cpu.user + now.cpu.system - before.cpu.user - before.cpu.system) / 1e6;
    // One that ended meanwhile took its last seconds with it.
    const theirs = seen.reduce((sum, { pid, cpuSeconds }) => sum + cpuSeconds - (before.children.get(pid) ?? 0), 0);
    const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
    before = now;
    const ownBytes = process.memoryUsage.rss();
    return {
      aliveBytes: ownBytes - getHeapStatistics().total_physical_size + heapAlive,
      memoryBytes: seen.reduce((sum, { bytes }) => sum + bytes, ownBytes),
      cpuCores: (own + theirs) / seconds,
    };
  };
  let collectGarbage: (() => void) | undefined;
  const collect = () => {
    collectGarbage ??= exposedCollection();
    collectGarbage();
    heapAlive = getHeapStatistics().used_heap_size;
  };
  return { read, collect, close: () => collections.disconnect() };
}

/** V8 offers it in no other way: https://nodejs.org/api/v8.html#v8setflagsfromstringflags */
function exposedCollection(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** Null: it is gone, or there is no /proc. */
async function childUsage(pid: number) {
  try {
    // After the name, which may hold anything, in parentheses: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    const fields = (await readFile(`/proc/${pid}/stat`, 'latin1')).replace(/^.*\) /s, '').split(' ');
    const [user, system, pages] = [11, 12, 21].map((index) => Number(fields[index])) as [number, number, number];
    return { pid, cpuSeconds: (user + system) / ticksPerSecond, bytes: pages * pageBytes };
  } catch {
    return null;
  }
}

/** What the container may use, in bytes; 0: it has no limit. */
export function memoryBudget(): number {
  const limit = process.constrainedMemory();
  // Without a limit some kernels tell the largest number there is.
  return limit < 2 ** 50 ? limit : 0;
}
