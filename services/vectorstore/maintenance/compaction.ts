/**
 * When tables are tidied: some seconds after the last write, so that a large upload is merged once; and again when the
 * versions that still show replaced text are old enough to go. A deletion does not wait for that: it purges (purge.ts).
 */
import type { Logger } from '../../shared/log.ts';
import type { Brain } from '../tables/brain-tables.ts';
import type { Compaction } from './table-compaction.ts';

export interface CompactionOptions {
  /** Answers whether the table was changed. */
  readonly work: (brain: Brain, what: Compaction) => Promise<boolean>;
  readonly log: Logger;
  readonly debounceMs?: number;
  readonly debounceMsMax?: number;
  readonly retentionMs?: number;
}

export interface CompactionSchedule {
  /** @param removed rows were removed or may have been replaced */
  wrote(brain: Brain, removed: boolean): void;
  forget(brain: Brain): void;
  /** Waits for the work under way; what is scheduled is left to {@link CompactionSchedule.wrote} of the next start. */
  close(): Promise<void>;
}

/** Uploads write every second or so; after this pause one is over. */
const debounceMsDefault = 5000;
/** A brain that is written without a pause is tidied this often: what is not indexed yet slows its searches. */
const debounceMsMaxDefault = 10_000;
/** No query reads an old version for longer; a replica's clock may be off by a minute. */
export const retentionMsDefault = 5 * 60_000;

export function createCompaction({
  work,
  log,
  debounceMs = debounceMsDefault,
  debounceMsMax = debounceMsMaxDefault,
  retentionMs = retentionMsDefault,
}: CompactionOptions): CompactionSchedule {
  const waiting = new Map<string, Waiting>();
  // One table at a time: merging costs memory and CPU that queries need.
  let running = Promise.resolve();
  let closed = false;

  const schedule = (brain: Brain, state: Omit<Waiting, 'timer'>, delayMs: number) => {
    const timer = setTimeout(() => {
      waiting.delete(brain.brainId);
      running = running.then(() => run(brain, next));
    }, delayMs);
    timer.unref();
    // The one that `again` changes, too.
    const next: Waiting = { ...state, timer };
    waiting.set(brain.brainId, next);
  };
  const run = async (brain: Brain, { purge, old }: Omit<Waiting, 'timer'>) => {
    if (closed) return;
    const started = Date.now();
    try {
      const changed = await work(brain, { purge, cleanup: old, cleanupOlderThan: new Date(started - retentionMs) });
      if (!changed) return;
      log.info({ brainId: brain.brainId, purge, cleanup: old, durationMs: Date.now() - started }, 'table tidied');
    } catch (error) {
      log.warn({ err: error, brainId: brain.brainId }, 'table not tidied, tried again later');
      if (!closed) again(brain, purge, debounceMsMax, old);
      return;
    }
    // The versions that this run replaced go when they are old enough.
    if (!old && !closed) again(brain, false, retentionMs + debounceMs, true);
  };
  const again = (brain: Brain, purge: boolean, delayMs: number, old = false) => {
    // A write in between has scheduled a run of its own, which does this one's work too.
    const next = waiting.get(brain.brainId);
    if (next) next.purge ||= purge;
    else schedule(brain, { purge, old, since: performance.now() }, delayMs);
  };

  return {
    wrote: (brain, removed) => {
      if (closed) return;
      const before = waiting.get(brain.brainId);
      clearTimeout(before?.timer);
      const since = before && !before.old ? before.since : performance.now();
      const delayMs = Math.max(0, Math.min(debounceMs, since + debounceMsMax - performance.now()));
      schedule(brain, { purge: removed || (before?.purge ?? false), old: false, since }, delayMs);
    },
    forget: ({ brainId }) => {
      clearTimeout(waiting.get(brainId)?.timer);
      waiting.delete(brainId);
    },
    close: async () => {
      closed = true;
      for (const { timer } of waiting.values()) clearTimeout(timer);
      waiting.clear();
      await running;
    },
  };
}

interface Waiting {
  readonly timer: NodeJS.Timeout;
  purge: boolean;
  /** Only old versions are left to remove. */
  readonly old: boolean;
  /** Time of the first write that waits, by a clock that nobody sets. */
  readonly since: number;
}
