/** Sets of page numbers as ranges: `[1, 2, 3, 7]` is `1-3,7-7`. */

/** @param pages 1-based, any order; repeats are fine. */
export function formatPages(pages: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const page of [...pages].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && page <= last[1] + 1) last[1] = page;
    else ranges.push([page, page]);
  }
  return ranges.map(([first, last]) => `${first}-${last}`).join(',');
}

/** Ascending page numbers. */
export function parsePages(ranges: string): number[] {
  return [...ranges.matchAll(/(\d+)-(\d+)/g)].flatMap(([, first, last]) =>
    Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index),
  );
}
