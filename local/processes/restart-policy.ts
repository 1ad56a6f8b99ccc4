/** When a process that ended by itself is started again. Pure. */

/** A fault that repeats more often than this is not cured by another start; it would only fill the log. */
export const deathsMax = 5;
export const windowMs = 60_000;

/** Half a second, doubled per death: a store that restarts below the process is back by the second or third try. */
const firstDelayMs = 500;

/**
 * @param deathsMs times of its deaths, the newest last
 * @returns how long to wait before the next start; `undefined`: give up
 */
export function restartDelayMs(deathsMs: readonly number[]): number | undefined {
  const newest = deathsMs.at(-1);
  if (newest === undefined) return 0;
  const recent = deathsMs.filter((atMs) => newest - atMs < windowMs).length;
  return recent > deathsMax ? undefined : firstDelayMs * 2 ** (recent - 1);
}
