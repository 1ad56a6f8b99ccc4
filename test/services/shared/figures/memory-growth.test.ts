/** A leak is memory that grows without load, for hours: of samples, and of real processes in hours of a second. */

import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import fc from 'fast-check';
import { growthTimes, type MemorySample, memoryGrowth } from '../../../../services/shared/figures/memory-growth.ts';

const minuteMs = 60_000;
const MiB = 2 ** 20;
/** A sample a minute. @param of the minute */
const samplesOf = (minutes: number, of: (minute: number) => { mib: number; cores?: number }): MemorySample[] =>
  Array.from({ length: minutes }, (_, minute) => {
    const { mib, cores = 0.01 } = of(minute);
    return { atMs: minute * minuteMs, bytes: mib * MiB, cpuCores: cores };
  });
const growthMiB = (samples: readonly MemorySample[]) => memoryGrowth(samples) / MiB;
const sixHours = 360;
/** A generator of noise from 0 to 1, the same for the same seed. */
const noiseOf = (seed: number) => {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
};

test('a steady leak is told at its rate, whatever garbage comes and goes on top', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 2, max: 200, noNaN: true }),
      fc.integer({ min: 1, max: 1e6 }),
      fc.integer({ min: 50, max: 4000 }),
      (mibPerHour, seed, baseMiB) => {
        const noise = noiseOf(seed);
        // Garbage of up to the leak of half an hour, collected at any moment.
        const told = growthMiB(
          samplesOf(sixHours, (minute) => ({ mib: baseMiB + (mibPerHour * minute) / 60 + (noise() * mibPerHour) / 2 })),
        );
        expect(told).toBeGreaterThan(mibPerHour * 0.5);
        expect(told).toBeLessThan(mibPerHour * 1.2);
      },
    ),
  );
});

test('what does not grow is no leak: garbage, a step at any time, memory that follows the load', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e6 }),
      fc.integer({ min: 0, max: sixHours }),
      fc.double({ min: 0, max: 2, noNaN: true }),
      (seed, at, cores) => {
        const noise = noiseOf(seed);
        expect(growthMiB(samplesOf(sixHours, () => ({ mib: 200 + noise() * 20 })))).toBeLessThan(1);
        expect(growthMiB(samplesOf(sixHours, (minute) => ({ mib: minute < at ? 100 : 300 })))).toBeLessThan(1);
        // A day's load comes and stays: memory with it.
        const load = (minute: number) => (minute < at ? 0.01 : 0.01 + (cores * (minute - at)) / sixHours);
        expect(
          growthMiB(samplesOf(sixHours, (minute) => ({ mib: 100 + 500 * load(minute), cores: load(minute) }))),
        ).toBeLessThan(500 * 0.02);
      },
    ),
  );
});

test('a leak below a constant load is told too, and where memory stands or when it began says nothing', () => {
  const leak = (minute: number) => ({ mib: 100 + minute / 6, cores: 0.5 });
  expect(growthMiB(samplesOf(sixHours, leak))).toBeCloseTo(10, 1);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e12 }), fc.integer({ min: 0, max: 2 ** 40 }), (laterMs, more) => {
      const moved = samplesOf(sixHours, leak).map((one) => ({
        ...one,
        atMs: one.atMs + laterMs,
        bytes: one.bytes + more,
      }));
      expect(growthMiB(moved)).toBeCloseTo(10, 1);
    }),
  );
});

test('before three hours nothing is told', () => {
  const leak = (minute: number) => ({ mib: minute });
  expect(growthTimes.spanMs).toBe(180 * minuteMs);
  expect(growthMiB(samplesOf(180, leak))).toBe(0);
  expect(growthMiB(samplesOf(182, leak))).toBeCloseTo(60, 0);
  expect(memoryGrowth([])).toBe(0);
});

/** A process that samples itself, an "hour" to the second, and says what it grew by; `leaks` keeps what it allocates. */
const standIn = `
  const { usageReader } = await import(process.env.USAGE);
  const { memoryGrowth } = await import(process.env.GROWTH);
  const kept = [];
  const { read, collect } = usageReader();
  const samples = [];
  for (let tick = 0; tick < 360; tick += 1) {
    const made = Array.from({ length: 2000 }, (_, index) => ({ index, text: 'x'.repeat(20) + index }));
    if (process.env.LEAKS === 'heap') kept.push(made);
    if (process.env.LEAKS === 'native') kept.push(Buffer.alloc(300_000, 1));
    if (tick % 10 === 0) collect();
    const { aliveBytes } = await read();
    // Its own work is its load, and always the same.
    samples.push({ atMs: tick * 60_000, bytes: aliveBytes, cpuCores: 0 });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  console.log(memoryGrowth(samples) / 2 ** 20);
`;
const source = (name: string) => new URL(`../../../../services/shared/figures/${name}.ts`, import.meta.url).href;
const grownMiB = async (leaks: string) => {
  const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', standIn], {
    env: { LEAKS: leaks, USAGE: source('process-usage'), GROWTH: source('memory-growth') },
    timeout: 60_000,
  });
  return Number(stdout);
};

test('a real process that leaks is told from one that does not, in its heap and beside it', async () => {
  // 60 ticks are an hour: 300 kB each are 17 MiB of it.
  expect(await grownMiB('native')).toBeGreaterThan(8);
  expect(await grownMiB('heap')).toBeGreaterThan(4);
  expect(await grownMiB('nothing')).toBeLessThan(2);
});
