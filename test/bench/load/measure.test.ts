import { expect, test } from '@jest/globals';
import { bench } from '../../../environments/bench.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { vectorRates } from './documents.ts';
import { predictedSeconds, rateOf, slotsOfOne } from './measure.ts';

test('by hand: 6,200 calls in 20 s on 5.4 s of CPU are 1,148 a second of a vCPU, which was little over a quarter busy', () => {
  const { perVcpu, cpus } = rateOf({ done: 6200, seconds: 20, cpuSeconds: 5.4 });
  // By the clock they are 310: at half a vCPU the tier itself carries 574.
  expect(perVcpu).toBeCloseTo(1148.15, 2);
  expect(perVcpu * 0.5).toBeCloseTo(574.07, 2);
  expect(cpus).toBeCloseTo(0.27, 9);
});

test('by hand: 2,415 pages, of which 2,365 were timed, by two children on half a vCPU', () => {
  const worker = { vcpu: 0.5, memoryMiB: 2048, options: { parserChildren: 2 } } as never;
  const vectorstore = { vcpu: 1 } as never;
  const constants = {
    committedPagesPerSecondPerVcpu: { value: 1000 },
    parsedPagesPerSecondPerVcpu: { value: 400 },
    indexedPagesPerSecondPerVcpu: { value: 500 },
  } as never;
  // 200 pages a second parsed, 250 cut while 1,000 could be committed; the first 50 are indexed as well.
  expect(predictedSeconds({ worker, vectorstore }, { pages: 2415, parsedPages: 2365 }, constants)).toEqual({
    parsing: expect.closeTo(11.825, 9),
    indexing: expect.closeTo(9.66, 9),
  });
});

test('one tenant gets the slots without the reserve', () => {
  expect(slotsOfOne(resolveEnvironment(bench).tiers.chat[0] as never)).toBe(28);
});

test('by hand: tidying a table is no part of what a chunk takes', () => {
  const writing = { embedding: 20, worker: 4, vectorstore: 2, tidied: 5 };
  // 0.2 s each of four; so of the two seconds one was tidying.
  const rates = vectorRates({ chunks: 1000, writing, after: { vectorstore: 0.8, tidied: 4 } });
  expect(rates).toEqual({
    tidySeconds: expect.closeTo(0.2, 9),
    embedding: expect.closeTo(50, 9),
    worker: expect.closeTo(250, 9),
    vectorstore: expect.closeTo(1000, 9),
  });
});
