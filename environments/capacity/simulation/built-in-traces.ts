/** Days that are made up, the same for the same seed. */
import { type Random, seeded } from './random.ts';
import type { Arrival } from './trace.ts';

/** Of a day's work, in each hour: offices of one part of the world. */
const hourWeights = [1, 1, 1, 1, 1, 2, 4, 7, 10, 11, 11, 9, 7, 10, 11, 11, 9, 7, 5, 3, 3, 2, 2, 1];
const hourMs = 3_600_000;
/** A few of them upload most. */
const tenants = 20;

interface Sizes {
  readonly upTo10: number;
  readonly upTo100: number;
  readonly upTo199: number;
}
/** The rest has 200 to 2,000 pages. */
const usual: Sizes = { upTo10: 0.8, upTo100: 0.15, upTo199: 0.03 };
const heavy: Sizes = { upTo10: 0.4, upTo100: 0.3, upTo199: 0.1 };

export const builtInTraces = {
  quiet: (seed: number) => day(seed, { documents: 2000, questions: 2000 }),
  /** 100,000 documents, 3.9 million pages. */
  day: (seed: number) => day(seed, { documents: 100_000, questions: 50_000 }),
  /** At ten one tenant uploads 3,000 documents in five minutes, and 300 people ask in one. */
  burst: (seed: number) => {
    const random = seeded(seed + 1);
    return inOrder([
      ...day(seed, { documents: 2000, questions: 2000 }),
      ...times(3000, () => document(10 * hourMs + random() * 300_000, 'burst', pagesOf(usual, random))),
      ...times(300, () => question(10 * hourMs + random() * 60_000, tenantOf(random))),
    ]);
  },
  /** A fifth of the documents has 200 pages and more. */
  heavy: (seed: number) => day(seed, { documents: 10_000, questions: 2000, sizes: heavy }),
  million: (seed: number) => day(seed, { documents: 1_000_000, questions: 50_000 }),
  /** At noon 1,000 clients ask in ten seconds, and send again every second what was refused. */
  'retry-storm': (seed: number) => {
    const random = seeded(seed + 1);
    return inOrder([
      ...day(seed, { documents: 2000, questions: 2000 }),
      ...times(1000, () => ({ ...question(12 * hourMs + random() * 10_000, tenantOf(random)), impatient: true })),
    ]);
  },
} satisfies Record<string, (seed: number) => Arrival[]>;

export interface Day {
  readonly documents: number;
  readonly questions: number;
  readonly sizes?: Sizes;
}

export function day(seed: number, { documents, questions, sizes = usual }: Day): Arrival[] {
  const random = seeded(seed);
  return inOrder([
    ...times(documents, () => document(atMs(random), tenantOf(random), pagesOf(sizes, random))),
    ...times(questions, () => question(atMs(random), tenantOf(random))),
  ]);
}

function atMs(random: Random): number {
  let left = random() * hourWeights.reduce((sum, weight) => sum + weight, 0);
  for (const [hour, weight] of hourWeights.entries()) {
    if (left < weight) return (hour + left / weight) * hourMs;
    left -= weight;
  }
  return 24 * hourMs;
}

/** A Pareto distribution of shape 1. */
const tenantOf = (random: Random) => `t${Math.min(tenants, Math.floor(1 / (1 - random())))}`;

function pagesOf({ upTo10, upTo100, upTo199 }: Sizes, random: Random): number {
  const of = random();
  const between = (first: number, last: number) => first + Math.floor(random() * (last - first + 1));
  if (of < upTo10) return between(1, 10);
  if (of < upTo10 + upTo100) return between(11, 100);
  return of < upTo10 + upTo100 + upTo199 ? between(101, 199) : between(200, 2000);
}

const document = (at: number, tenant: string, pages: number) =>
  ({ atMs: at, tenant, kind: 'document', pages }) satisfies Arrival;
const question = (at: number, tenant: string) => ({ atMs: at, tenant, kind: 'question' }) satisfies Arrival;
const times = <One>(count: number, make: () => One): One[] => Array.from({ length: count }, make);
const inOrder = (arrivals: Arrival[]) => arrivals.sort((a, b) => a.atMs - b.atMs);
