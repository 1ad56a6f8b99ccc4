/** Latency under load: open-loop probes and closed-loop saturation. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Neighbours } from './neighbours.ts';

/**
 * Lets this process run as soon as it has something to do: what it does late counts as latency of the others. Where the
 * machine does not allow that, figures are a little higher, idle and under load.
 */
export function prioritize(): void {
  spawnSync('chrt', ['--reset-on-fork', '--rr', '--pid', '1', String(process.pid)], { stdio: 'ignore' });
}

export interface Latencies {
  readonly timesMs: readonly number[];
  /** Calls set aside: meanwhile something else ran on this machine. What they took plays no part; a long call meets more. */
  readonly disturbed: number;
  readonly failed: number;
}

export interface ProbeOptions {
  readonly everyMs: number;
  readonly durationMs: number;
  readonly neighbours?: Neighbours;
}

/** What neighbours may use of the CPUs while a call is under way: a fraction of what a simple call takes... */
const disturbanceMsMax = 1;
/** ... and of a long one, which always meets somebody: it may come out so much too slow, a tenth of what ratios allow. */
const disturbanceShareMax = 0.02;

export const isDisturbed = (timeMs: number, usedMs: number): boolean =>
  usedMs > Math.max(disturbanceMsMax, disturbanceShareMax * timeMs);

export interface Probed extends Latencies {
  /** The same calls until what was left of them was done. */
  readonly whole: Latencies;
}

/**
 * One call every `everyMs`, however long those before take: a queue that builds up is seen, not avoided (coordinated
 * omission). A call that fails counts with the time until it failed.
 *
 * @param call resolves when the moment that counts has come, with what is left to do after it
 */
export async function probe(
  call: () => Promise<(() => Promise<unknown>) | undefined>,
  { everyMs, durationMs, neighbours }: ProbeOptions,
): Promise<Probed> {
  const first = newLatencies();
  const whole = newLatencies();
  const calls: Promise<void>[] = [];
  const one = async () => {
    const usedMs = neighbours?.usedMs() ?? 0;
    const start = performance.now();
    const record = (to: ReturnType<typeof newLatencies>) => {
      const timeMs = performance.now() - start;
      if (isDisturbed(timeMs, (neighbours?.usedMs() ?? 0) - usedMs)) to.disturbed++;
      else to.timesMs.push(timeMs);
    };
    const rest = await call().catch(() => {
      first.failed++;
      return undefined;
    });
    record(first);
    if (!rest) return;
    await rest().catch(() => whole.failed++);
    record(whole);
  };
  const start = performance.now();
  for (let index = 0; index * everyMs < durationMs; index++) {
    await sleep(Math.max(0, start + index * everyMs - performance.now()));
    calls.push(one());
  }
  await Promise.all(calls);
  return { ...first, whole };
}

const newLatencies = () => ({ timesMs: [] as number[], disturbed: 0, failed: 0 });

/** All slots were taken: come back after the hint. */
export class YieldError extends Error {
  readonly retryHintMs: number;
  constructor(retryHintMs: number) {
    super(`come back in ${retryHintMs} ms`);
    this.retryHintMs = retryHintMs;
  }
}

/** The nearest-rank quantiles. */
export function quantiles(timesMs: readonly number[]): { p50Ms: number; p95Ms: number; p99Ms: number } {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}

/** Keeps `width` calls in flight until stopped; one that is told to come back later does so then, as its hint says. */
export function saturate(
  width: number,
  call: (caller: number) => Promise<unknown>,
): { done(): number; stop(): Promise<{ done: number }> } {
  let over = false;
  let done = 0;
  const worker = async (caller: number) => {
    while (!over)
      await call(caller).then(
        () => done++,
        (error) => sleep(error instanceof YieldError ? error.retryHintMs : 20),
      );
  };
  const workers = Array.from({ length: width }, (_, caller) => worker(caller));
  return {
    done: () => done,
    stop: async () => {
      over = true;
      await Promise.all(workers);
      return { done };
    },
  };
}
