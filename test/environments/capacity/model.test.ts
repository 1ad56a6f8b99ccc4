import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Carried,
  type Constants,
  capacityOf,
  defaultHabits,
  fullest,
} from '../../../environments/capacity/model.ts';
import { sheetMarkdown, sheetText } from '../../../environments/capacity/sheet.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { sample } from '../sample.ts';

const round = {
  parsedPagesPerSecondPerVcpu: 100,
  indexedPagesPerSecondPerVcpu: 300,
  chatTokensPerSecondPerVcpu: 1000,
  apiRequestsPerSecondPerVcpu: 1000,
  vectorstoreSearchesPerSecondPerVcpu: 100,
  workerMiBIdle: 80,
  workerMiBPerSlot: 100,
  chunksPerPage: 2,
  chunksPerGiBStored: 300_000,
};
const constants = Object.fromEntries(
  Object.entries(round).map(([name, value]) => [name, { value }]),
) as unknown as Constants;

const place = (vcpu: number, replicas: number, more = {}) => ({
  platform: 'ecs',
  vcpu,
  memoryMiB: 4096,
  replicas,
  ...more,
});
const capacity = (replicas: number, vcpu: number) =>
  capacityOf(
    resolveEnvironment(
      sample({
        // Its connections allow all these replicas.
        aws: { postgres: { instanceClass: 'db.t4g.medium' } },
        tiers: {
          api: place(vcpu, replicas),
          chat: place(vcpu, replicas, { slots: 100 }),
          'document-worker': place(vcpu, replicas, { parserChildren: 2 }),
          vectorstore: place(vcpu, replicas),
        },
      } as never),
    ),
    'max',
    defaultHabits,
    constants,
  );

test('by hand: two replicas of one vCPU', () => {
  const { carried, hugeSeconds, pagesPerGiB, workerMemoryMiB } = capacity(2, 1);
  // A page takes 1/100 + 1/300 s of a vCPU: 75 pages/s each.
  expect(carried.pagesPerMinute).toBeCloseTo(2 * 75 * 60, 6);
  expect(hugeSeconds).toBeCloseTo(2000 / 150, 6);
  // 2 x 1,000 tokens/s at 20 a second are 100 streams; the 200 slots are more.
  expect(carried.concurrentChats).toBe(100);
  expect(carried.apiRequestsPerSecond).toBe(2000);
  expect(pagesPerGiB).toBe(150_000);
  expect(workerMemoryMiB).toEqual({ needed: 280, given: 4096 });
});

test('more replicas or CPU never carry less', () => {
  const sizes = fc.constantFrom(0.5, 1, 2);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), sizes, (replicas, vcpu) => {
      const { carried } = capacity(replicas, vcpu);
      for (const larger of [capacity(replicas + 1, vcpu), capacity(replicas, vcpu * 2)])
        for (const kind of Object.keys(carried) as (keyof Carried)[])
          expect(larger.carried[kind]).toBeGreaterThanOrEqual(carried[kind]);
    }),
    { numRuns: 20 },
  );
});

test('the part that saturates first is the fullest at the load', () => {
  const [first] = fullest(capacity(2, 1), { pagesPerMinute: 900, concurrentChats: 90 });
  expect(first).toMatchObject({ part: 'chat CPU', share: 0.9 });
});

test('a sheet says what is carried at its cost, and where its constants come from', () => {
  const one = capacity(2, 1);
  const sheet = {
    name: 'dev',
    capacity: { min: one, max: one },
    monthlyUsd: { min: 100, max: 394.2 },
    parts: [],
    modelUsdPer1000: undefined,
    purchases: [],
    alarms: [],
  };
  // 9,000 pages/min x 60 x 730 are 394.2 million pages.
  expect(sheetText([sheet])).toMatch(/USD per 1,000 pages, .* 0\.0003 +0\.0010\n/);
  expect(sheetMarkdown([sheet])).toContain('| pages/min | 9,000 | 9,000 |');
  expect(sheetMarkdown([sheet])).toMatch(/Constants measured \d{4}-\d\d-\d\d on /);
});
