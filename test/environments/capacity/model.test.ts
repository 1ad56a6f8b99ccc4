import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Carried,
  type Constants,
  capacityOf,
  defaultHabits,
  fullest,
  measuredConstants,
  onCpu,
} from '../../../environments/capacity/model.ts';
import { refusedShare, waitsOf } from '../../../environments/capacity/queueing.ts';
import { sheetMarkdown, sheetText } from '../../../environments/capacity/sheet.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { totalUsd } from '../../../environments/pricing/lines.ts';
import { tierMonthlyUsd } from '../../../environments/pricing/tier-cost.ts';
import { sample } from '../sample.ts';

const round = {
  parsedPagesPerSecondPerVcpu: 100,
  indexedPagesPerSecondPerVcpu: 300,
  chatTokensPerSecondPerVcpu: 1000,
  apiRequestsPerSecondPerVcpu: 1000,
  vectorstoreSearchesPerSecondPerVcpu: 100,
  committedPagesPerSecondPerVcpu: 500,
  embeddedChunksPerSecondPerVcpu: 30,
  embeddedQuestionsPerSecondPerVcpu: 200,
  workerVectorChunksPerSecondPerVcpu: 300,
  vectorstoreVectorChunksPerSecondPerVcpu: 500,
  tidySeconds: 0.11,
  largeSearchesPerSecondPerVcpu: 50,
  cacheKiBPerChunk: 0.5,
  resultKiBPerPage: 2,
  databaseKiBPerPage: 1,
  workerMiBIdle: 80,
  workerMiBPerSlot: 100,
  chatMiBIdle: 100,
  chatMiBPerSlot: 0.5,
  apiMiB: 200,
  webMiB: 90,
  vectorstoreMiB: 300,
  embeddingMiB: 560,
  chunksPerPage: 2,
  chunksPerGiBStored: 200_000,
  'startSeconds chat': 10,
  'startSeconds document-worker': 8,
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
const capacity = (replicas: number, vcpu: number, { memoryMiB = 4096, slots = 100, parserChildren = 2 } = {}) =>
  capacityOf(
    resolveEnvironment(
      sample({
        // Its connections allow all these replicas.
        aws: { postgres: { instanceClass: 'db.t4g.medium' } },
        tiers: {
          api: place(vcpu, replicas, { memoryMiB }),
          chat: place(vcpu, replicas, { memoryMiB, slots }),
          'document-worker': place(vcpu, replicas, { memoryMiB, parserChildren }),
          vectorstore: place(vcpu, replicas, { memoryMiB }),
        },
      } as never),
    ),
    'max',
    defaultHabits,
    constants,
  );

test('by hand: two replicas of one vCPU', () => {
  const { carried } = capacity(2, 1);
  // A page takes 1/100 + 1/300 s of a vCPU: 75 pages/s each.
  expect(carried.pagesPerMinute).toBeCloseTo(2 * 75 * 60, 6);
  // 2 x 1,000 tokens/s at 20 a second are 100 streams; the 200 slots are more.
  expect(carried.concurrentChats).toBe(100);
  expect(carried.apiRequestsPerSecond).toBe(2000);
});

test('by hand: chats a minute are what 100 streams answer with 1 % refused, or what is searched', () => {
  const { carried, limits } = capacity(2, 1);
  expect(refusedShare(100, (carried.chatsPerMinute * 12) / 60)).toBeCloseTo(0.01, 6);
  // 2 x 100 searches/s.
  expect(limits).toContainEqual({
    part: 'vectorstore CPU',
    tier: 'vectorstore',
    bounds: 'chatsPerMinute',
    value: 12_000,
  });
});

test('by hand: of four vCPU two children read with two; a service itself has one thread', () => {
  const { carried, limits } = capacity(1, 4);
  expect(carried.pagesPerMinute).toBeCloseTo(60 / (1 / 200 + 1 / 300), 6);
  expect(carried.apiRequestsPerSecond).toBe(1000);
  expect(limits).toContainEqual({ part: 'chat CPU', tier: 'chat', bounds: 'concurrentChats', value: 50 });
});

test('by hand: connections, and light documents with parsers 80 % busy', () => {
  const { connections, lightWait } = capacity(2, 1);
  // Two each of api, chat, document-worker and vectorstore with 10 each; 4 GiB / 9,531,392.
  expect(connections.postgres).toEqual({ asked: 80, allowed: 450 });
  // One each of api, chat and document-worker.
  expect(connections.redis).toEqual({ asked: 6, allowed: 65_000 });
  // 4 parsers, 150 pages/s of all: 10 pages take 4/15 s, and 12 documents come in a second.
  const expected = waitsOf({ servers: 4, serviceSeconds: 4 / 15, arrivalsPerSecond: 12 });
  expect(lightWait.utilisation).toBeCloseTo(0.8, 9);
  expect(lightWait.meanSeconds).toBeCloseTo(expected.meanSeconds, 9);
});

test('of two placements the one with least room for its children is told', () => {
  const worker = (memoryMiB: number) => ({ platform: 'ecs', vcpu: 0.5, memoryMiB, parserChildren: 2 });
  const tiers = { 'document-worker': [worker(2048), worker(1024)] } as never;
  const { memory } = capacityOf(resolveEnvironment(sample({ tiers })), 'max', defaultHabits, constants);
  expect(memory).toContainEqual({ tier: 'document-worker', neededMiB: 280, mostMiB: 352, givenMiB: 1024 });
});

test('a larger budget never costs less', () => {
  const budget = fc.record({ vcpu: fc.constantFrom(0.25, 0.5, 1), memoryMiB: fc.constantFrom(2048) });
  const { aws } = resolveEnvironment(sample());
  const usd = (given: object, replicas: number) =>
    (['document-worker', 'chat', 'vectorstore', 'api'] as const).map((tier) => {
      const [placement] = resolveEnvironment(
        sample({ tiers: { [tier]: { platform: 'ecs', replicas, ...given } } as never }),
      ).tiers[tier];
      return totalUsd(tierMonthlyUsd(tier, placement as never, { aws: aws as never }, 'max'));
    });
  fc.assert(
    fc.property(budget, fc.integer({ min: 1, max: 5 }), ({ vcpu, memoryMiB }, replicas) => {
      const before = usd({ vcpu, memoryMiB }, replicas);
      for (const larger of [usd({ vcpu: vcpu * 2, memoryMiB: 4096 }, replicas), usd({ vcpu, memoryMiB }, replicas + 1)])
        for (const [index, cost] of larger.entries()) expect(cost).toBeGreaterThan(before[index] as number);
    }),
    { numRuns: 10 },
  );
});

test('more replicas, CPU, memory, slots or parser children never carry less', () => {
  const sizes = fc.constantFrom(0.5, 1, 2);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), sizes, (replicas, vcpu) => {
      const { carried } = capacity(replicas, vcpu);
      for (const larger of [
        capacity(replicas + 1, vcpu),
        capacity(replicas, vcpu * 2),
        capacity(replicas, vcpu, { memoryMiB: 8192 }),
        capacity(replicas, vcpu, { slots: 200 }),
        capacity(replicas, vcpu, { parserChildren: 3 }),
      ])
        for (const kind of Object.keys(carried) as (keyof Carried)[])
          expect(larger.carried[kind]).toBeGreaterThanOrEqual(carried[kind]);
    }),
    { numRuns: 20 },
  );
});

test('the part that saturates first is the fullest at the load', () => {
  const shares = fullest(capacity(2, 1), { pagesPerMinute: 900, concurrentChats: 90 });
  expect(shares.map(({ part, share }) => [part, share])).toEqual([
    ['chat CPU', 0.9],
    ['chat slots', 0.45],
    ['document-worker CPU', expect.closeTo(0.1, 9)],
    // 2 x 500 pages/s are committed.
    ['vectorstore CPU', expect.closeTo(0.015, 9)],
  ]);
});

test('a sheet says what is carried at its cost, and where its constants come from', () => {
  const one = capacity(2, 1);
  const sheet = {
    name: 'dev',
    capacity: { min: one, max: one },
    monthlyUsd: { min: 10_000, max: 39_420 },
    ownUsd: { min: 10_000, max: 39_420 },
    architecture: 'arm64',
    cpuFactor: 1,
    slower: one.carried,
    parts: [],
    modelUsdPer1000: undefined,
    promised: 'no promise',
    purchases: [],
    alarms: [],
  };
  // 9,000 pages/min x 60 x 730 are 394.2 million pages.
  expect(sheetText([sheet])).toMatch(/USD per 1,000 pages, .* 0\.0254 +0\.1000\n/);
  expect(sheetMarkdown([sheet])).toContain('| pages/min | 9,000 | 9,000 |');
  expect(sheetMarkdown([sheet])).toMatch(/Constants measured \d{4}-\d\d-\d\d on /);
});

test('a CPU of half the speed carries half, and starts in twice the time; memory stays', () => {
  const environment = resolveEnvironment(sample());
  const full = capacityOf(environment);
  const half = capacityOf(environment, 'max', defaultHabits, onCpu(0.5));
  expect(half.carried.pagesPerMinute).toBeCloseTo(full.carried.pagesPerMinute / 2, 6);
  expect(half.carried.apiRequestsPerSecond).toBeCloseTo(full.carried.apiRequestsPerSecond / 2, 6);
  expect(half.memory).toEqual(full.memory);
  expect(onCpu(0.5)['startSeconds chat'].value).toBeCloseTo(2 * measuredConstants['startSeconds chat'].value, 6);
});

test('a range of replicas carries at most what its number says, and other tiers as before', () => {
  const api = place(1, 1, { replicas: { min: 1, max: 3 } });
  const environment = resolveEnvironment(sample({ tiers: { api } as never }));
  const [min, max] = [capacityOf(environment, 'min').carried, capacityOf(environment, 'max').carried];
  expect(max.apiRequestsPerSecond).toBeCloseTo(3 * min.apiRequestsPerSecond, 6);
  expect(max.pagesPerMinute).toBe(min.pagesPerMinute);
});
