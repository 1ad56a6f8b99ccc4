/**
 * Things break while people use the service; afterwards nothing that was accepted is missing, nothing that was deleted
 * is left, and nothing stands twice.
 *
 *     npm run chaos                                    every scenario for a minute, with a seed that is printed
 *     CHAOS_SEED=42 CHAOS_MS=20000 npm run chaos -- -t 'COMMIT'
 *
 * Not part of `npm test`. CI runs the scenarios that carry most beside it: CHAOS_PART=short.
 */
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, expect } from '@jest/globals';
import fc from 'fast-check';
import { lacksManuals } from '../flows/documents.ts';
import { lacksS3 } from '../support/s3.ts';
import { testWith } from '../support/skip.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { liveOverTwoTenants } from './scenarios/life-cycle.ts';
import { besideNoise } from './scenarios/neighbour.ts';
import { poison } from './scenarios/poison.ts';
import { races } from './scenarios/quotas.ts';
import { scenarios } from './scenarios/scenarios.ts';
import { expectConserved } from './settle.ts';
import { startWorkload } from './workload.ts';

const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 2 ** 31);
/** Only the scenarios that carry most. */
const short = process.env.CHAOS_PART === 'short';
/** How long each scenario breaks things. A few seconds each: some five minutes in all. */
const breakMs = Number(process.env.CHAOS_MS ?? 4000);
/** From here on faults last as long as in life. */
const long = breakMs >= 60_000;

/** What a neighbour's noise may cost: 95 % of calls take at most so many times as long. */
const ratioMax = 1.5;
/** Below, clients, the S3 for tests and all tiers take each other's CPU: that shows nothing of tenants. */
const cpusMin = Number(process.env.CHAOS_CPUS_MIN ?? 4);
const tooFewCpus =
  availableParallelism() < cpusMin ? `${availableParallelism()} CPUs for all, wanted are ${cpusMin}` : null;

const test = testWith(lacksS3);
let cluster: Cluster;

/** At once: jest keeps what a test prints until all of them are done. */
const tell = (line: string) => process.stderr.write(`chaos: ${line}\n`);

beforeAll(async () => {
  tell(`CHAOS_SEED=${seed} CHAOS_MS=${breakMs}`);
  if (!lacksS3) cluster = await startCluster();
}, 240_000);
afterAll(() => cluster?.close(), 180_000);

for (const [index, scenario] of scenarios.entries()) {
  if (short && !scenario.short) continue;
  test(
    `nothing is lost, left over or there twice when ${scenario.name}`,
    async () => {
      const random = numbers(seed + index);
      const workload = await startWorkload({ cluster, random, unreachable: scenario.kills });
      const startedMs = Date.now();
      let broken: Readonly<Record<string, number>> = {};
      try {
        broken = await scenario.run({ cluster, workload, random, until: Date.now() + breakMs, long });
      } finally {
        cluster.heal();
        await workload.stop();
      }
      const brokenMs = Date.now() - startedMs;
      expect(cluster.deaths).toEqual([]);
      expect(workload.faults).toEqual([]);
      // A run in which nothing was accepted shows nothing.
      expect(workload.accepted.size).toBeGreaterThan(0);
      await workload.removeOne();
      await expectConserved(cluster, workload);
      const { accepted, deleted, statuses } = workload;
      const did = { broken, accepted: accepted.size, deleted: deleted.size, statuses };
      tell(`${scenario.name}: ${JSON.stringify(did)} in ${brokenMs} ms, whole after ${Date.now() - startedMs} ms`);
    },
    breakMs + 600_000,
  );
}

test('documents made to end workers end none, and say what is wrong', async () => {
  const workload = await startWorkload({ cluster, random: numbers(seed) });
  try {
    await poison(cluster, { long });
  } finally {
    await workload.stop();
  }
  expect([cluster.deaths, workload.faults]).toEqual([[], []]);
  await expectConserved(cluster, workload);
}, 600_000);

test('no way into one tenant leads into another', () => liveOverTwoTenants(cluster), 120_000);

// A short run says nothing of a tail.
if (long)
  testWith(lacksS3 ?? lacksManuals ?? tooFewCpus)(
    'a tenant at the maximum of everything costs another at most half of its time again',
    async () => {
      const felt = await besideNoise(breakMs / 6);
      for (const round of felt) tell(`beside a noisy tenant: ${JSON.stringify(round)}`);
      expect(felt.reduce((sum, { beside }) => sum + beside.refused, 0)).toBe(0);
      for (const what of ['callMs', 'firstTokenMs'] as const) {
        // Without noise it took as long before as after: what differs beside noise is the noise.
        const judged = felt.filter(({ before, after }) => {
          const [low = 0, high = 0] = [before[what], after[what]].sort((a, b) => a - b);
          return high <= low * ratioMax;
        });
        expect([what, judged.length > 0]).toEqual([what, true]);
        const ratios = judged.map(({ before, beside, after }) => beside[what] / Math.max(before[what], after[what]));
        expect([what, ratios.filter((ratio) => !(ratio <= ratioMax))]).toEqual([what, []]);
      }
    },
    breakMs + 600_000,
  );

for (const [what, race] of Object.entries(races))
  test(`the quota of ${what} holds exactly when many take from it at once`, () => race(cluster), 600_000);

/** Numbers from 0 to 1, evenly spread, the same ones for the same seed. */
function numbers(from: number): () => number {
  const values = fc.sample(fc.noBias(fc.maxSafeNat()), { seed: from, numRuns: 1000 });
  let at = 0;
  return () => (values[at++ % values.length] as number) / Number.MAX_SAFE_INTEGER;
}
