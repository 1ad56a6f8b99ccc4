/** What the scheduler is held against: the same uploads, the same pace, another rule for who gets the next page. */
import type { Upload } from './traces.ts';

interface Document extends Upload {
  left: number;
}
/** @param waiting in the order of their upload; never empty */
type Pick = (waiting: readonly Document[]) => Document | undefined;

/** When each document was done, ms after its upload. */
export type Responses = ReadonlyMap<string, number>;

/** A day has few waiting at a time; whoever is picked gets one page. @param until the run ends when it is done */
export function play(
  uploads: readonly Upload[],
  pick: Pick,
  stepMs: number,
  pageMs: number,
  until?: string,
): Responses {
  const coming = [...uploads].sort((a, b) => a.atMs - b.atMs);
  const responses = new Map<string, number>();
  const waiting: Document[] = [];
  for (let now = 0, next = 0; next < coming.length || waiting.length > 0; now += stepMs) {
    if (waiting.length === 0) now = Math.max(now, (coming[next] as Upload).atMs);
    for (; next < coming.length && (coming[next] as Upload).atMs <= now; next++)
      waiting.push({ ...(coming[next] as Upload), left: (coming[next] as Upload).pages });
    const one = pick(waiting);
    if (!one) continue;
    one.left -= 1;
    if (one.left > 0) continue;
    responses.set(one.id, now + pageMs - one.atMs);
    waiting.splice(waiting.indexOf(one), 1);
    if (one.id === until) break;
  }
  return responses;
}

/** One queue. */
export const fifo = (): Pick => (waiting) => waiting[0];

/** The bound of the mean: always the document with the fewest pages left. */
export const shortestRemaining = (): Pick => (waiting) =>
  waiting.reduce((best, one) => (one.left < best.left ? one : best));

/** Two workers for documents of 200 pages and more, two for the others; each draws 50 pages at a time. */
export function twoLanes(): Pick {
  const workers: (Document | undefined)[] = [undefined, undefined, undefined, undefined];
  let turn = 0;
  let drawn = 0;
  const next = (at: number) => {
    turn = at % workers.length;
    drawn = 0;
  };
  return (waiting) => {
    for (const [at, one] of workers.entries()) {
      if (one && one.left > 0) continue;
      if (one && at === turn) next(at + 1);
      workers[at] = waiting.find((other) => !workers.includes(other) && other.pages >= 200 === at >= 2);
    }
    for (let tries = 0; tries <= workers.length; tries++) {
      const one = workers[turn];
      if (one && one.left > 0 && drawn < 50) {
        drawn += 1;
        return one;
      }
      next(turn + 1);
    }
    return undefined;
  };
}
