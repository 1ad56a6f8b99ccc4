/** Health as a balancer asks for it, while something else goes on. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Health {
  readonly timesMs: readonly number[];
  readonly failed: number;
}

const everyMs = 100;
/** A balancer's own limit for a check. */
const timeoutMs = 5000;

/** Asks `/livez` and `/readyz` of a service until it is stopped. */
export function watchHealth(url: string): { stop(): Promise<Health> } {
  const timesMs: number[] = [];
  let failed = 0;
  let over = false;
  const watching = (async () => {
    while (!over) {
      for (const path of ['/livez', '/readyz']) {
        const startedAt = performance.now();
        const ok = await fetch(url + path, { signal: AbortSignal.timeout(timeoutMs) }).then(
          async (answer) => (await answer.text()) !== '' && answer.ok,
          () => false,
        );
        if (!ok) failed += 1;
        timesMs.push(performance.now() - startedAt);
      }
      await sleep(everyMs);
    }
  })();
  return {
    stop: async () => {
      over = true;
      await watching;
      return { timesMs, failed };
    },
  };
}
