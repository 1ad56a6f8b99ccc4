/**
 * Memory that grows without load: a slope over hours, not a threshold. Pure.
 *
 * Caches fill, garbage waits for its collection, a burst leaves a larger heap behind: none of these is a leak. So only quiet
 * minutes count, of those the least of each ten, and what is told is what memory surely grew by in each third of the
 * time: a step lies in one third alone.
 */

export interface MemorySample {
  readonly atMs: number;
  readonly bytes: number;
  /** CPU in use since the sample before. */
  readonly cpuCores: number;
}

export interface GrowthTimes {
  /** The least of what lies so close together is taken: garbage comes and goes within it. */
  readonly bucketMs: number;
  /** From the first sample to the last, before anything is told. */
  readonly spanMs: number;
}

/** One sample a minute for six hours is kept; three say enough. */
export const growthTimes: GrowthTimes = { bucketMs: 10 * 60_000, spanMs: 3 * 3_600_000 };

/** Minutes of the quietest quarter, and what lies as close to them as timers and health checks alone use. */
const quietShare = 0.25;
const quietCores = 0.02;
/** Of the least points of a third that a line is laid through. */
const pointsMin = 4;
/** Standard errors by which the slope may be too high: one in forty would be chance, and three thirds must agree. */
const errorsOff = 2;

/** Bytes per hour; 0 while nothing is known, or nothing grows. */
export function memoryGrowth(samples: readonly MemorySample[], { bucketMs, spanMs } = growthTimes): number {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.atMs - first.atMs < spanMs) return 0;
  const byLoad = samples.map(({ cpuCores }) => cpuCores).toSorted((a, b) => a - b);
  const quietMax = (byLoad[Math.floor(byLoad.length * quietShare)] ?? 0) + quietCores;
  const least = new Map<number, MemorySample>();
  for (const sample of samples) {
    const bucket = Math.floor((sample.atMs - first.atMs) / bucketMs);
    const before = least.get(bucket);
    if (sample.cpuCores <= quietMax && (!before || sample.bytes < before.bytes)) least.set(bucket, sample);
  }
  const points = [...least.values()];
  const third = (last.atMs - first.atMs) / 3;
  const thirds = [0, 1, 2].map((index) =>
    points.filter(({ atMs }) => Math.min(2, Math.floor((atMs - first.atMs) / third)) === index),
  );
  return Math.max(0, Math.min(...thirds.map(surelyGrows))) * 3_600_000;
}

/** The slope of the least squares through the points, less what it may be wrong by; -Infinity when they are too few. */
function surelyGrows(points: readonly MemorySample[]): number {
  const count = points.length;
  if (count < pointsMin) return Number.NEGATIVE_INFINITY;
  const mean = (of: (point: MemorySample) => number) => points.reduce((sum, point) => sum + of(point), 0) / count;
  const [atMean, bytesMean] = [mean(({ atMs }) => atMs), mean(({ bytes }) => bytes)];
  const spread = points.reduce((sum, { atMs }) => sum + (atMs - atMean) ** 2, 0);
  const slope = points.reduce((sum, { atMs, bytes }) => sum + (atMs - atMean) * (bytes - bytesMean), 0) / spread;
  const off = points.reduce((sum, { atMs, bytes }) => sum + (bytes - bytesMean - slope * (atMs - atMean)) ** 2, 0);
  return slope - errorsOff * Math.sqrt(off / (count - 2) / spread);
}
