/** Yields of the last minute, for who scales on them. */

const windowMs = 60_000;

/** @param total since the start; it is read as often as the rate is */
export function yieldsPerMinute(total: () => number, now: () => number = () => performance.now()): () => number {
  let seen = [{ at: now(), total: total() }];
  return () => {
    const last = { at: now(), total: total() };
    // The oldest that is kept is the last one from before the window.
    const from = seen.findLastIndex(({ at }) => at <= last.at - windowMs);
    seen = [...seen.slice(Math.max(0, from)), last];
    return last.total - (seen[0]?.total ?? 0);
  };
}
