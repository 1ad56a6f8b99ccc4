import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { waitsOf } from '../../../../environments/capacity/queueing.ts';
import { day } from '../../../../environments/capacity/simulation/built-in-traces.ts';
import {
  type DocumentsRun,
  simulateDocuments,
  type Upload,
  type WorkerTier,
} from '../../../../environments/capacity/simulation/documents.ts';
import { exponential, seeded } from '../../../../environments/capacity/simulation/random.ts';
import { Waiting } from '../../../../environments/capacity/simulation/waiting.ts';
import { decide, emptyPolicy, type WaitingJob, withJobs } from '../../../../services/shared/scheduler/policy.ts';

const one: WorkerTier = { min: 1, max: 1, vcpu: 1, slots: 1, pagesPerGrant: 50, grantSeconds: () => 1 };

/** Documents of one page, by Poisson. */
function poisson(perSecond: number, count: number, seed = 1): Upload[] {
  const random = seeded(seed);
  let atMs = 0;
  return Array.from({ length: count }, () => {
    atMs += exponential(1000 / perSecond, random);
    return { atMs, tenant: 't', kind: 'document', pages: 1 };
  });
}
const meanSeconds = ({ documents }: DocumentsRun) =>
  documents.reduce((sum, { waitMs }) => sum + waitMs / 1000, 0) / documents.length;
const uploadsOf = (seed: number, documents: number) =>
  day(seed, { documents, questions: 0 }).filter((one) => one.kind === 'document');

describe('agrees with what has a closed form', () => {
  const count = 40_000;

  test.each([0.3, 0.6])('M/M/1 at %d', (load) => {
    const random = seeded(2);
    const run = simulateDocuments(poisson(load, count), { ...one, grantSeconds: () => exponential(1, random) });
    const expected = waitsOf({ servers: 1, arrivalsPerSecond: load, serviceSeconds: 1 }).meanSeconds;
    expect(Math.abs(meanSeconds(run) / expected - 1)).toBeLessThan(0.06);
  });

  test.each([0.3, 0.6, 0.8])('M/D/1 at %d', (load) => {
    const run = simulateDocuments(poisson(load, count), one);
    expect(Math.abs(meanSeconds(run) / (load / (2 * (1 - load))) - 1)).toBeLessThan(0.06);
  });

  test('M/M/3: three slots with a CPU each', () => {
    const random = seeded(2);
    const run = simulateDocuments(poisson(1.8, 3 * count, 3), {
      ...one,
      vcpu: 3,
      slots: 3,
      grantSeconds: () => exponential(1, random),
    });
    const expected = waitsOf({ servers: 3, arrivalsPerSecond: 1.8, serviceSeconds: 1 }).meanSeconds;
    expect(Math.abs(meanSeconds(run) / expected - 1)).toBeLessThan(0.06);
  });

  test('M/M/1 in which all share the CPU: a response takes 1 / (1 - load) s', () => {
    const random = seeded(2);
    const run = simulateDocuments(poisson(0.5, count), {
      ...one,
      slots: 500,
      grantSeconds: () => exponential(1, random),
    });
    const responses = run.documents.map(({ responseMs }) => responseMs / 1000);
    expect(Math.abs(responses.reduce((sum, each) => sum + each, 0) / count / 2 - 1)).toBeLessThan(0.06);
    expect(meanSeconds(run)).toBe(0);
  });
});

describe('conserves', () => {
  test('every page once: CPU used is the CPU of all grants', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(0.25, 1, 2.5),
        (seed, replicas, slots, vcpu) => {
          const uploads = uploadsOf(seed, 200);
          let pages = 0;
          let cpuSeconds = 0;
          const run = simulateDocuments(uploads, {
            ...one,
            min: replicas,
            max: replicas,
            slots,
            vcpu,
            grantSeconds: (granted) => {
              pages += granted;
              cpuSeconds += granted / 20;
              return granted / 20;
            },
          });
          const sent = uploads.reduce((sum, upload) => sum + upload.pages, 0);
          expect(pages).toBe(sent);
          expect(run.documents.reduce((sum, document) => sum + document.pages, 0)).toBe(sent);
          const usable = Math.min(vcpu, slots) * replicas;
          const minutes = run.busyShare.map((share, bin) => share * Math.min(60, run.endMs / 1000 - bin * 60) * usable);
          expect(minutes.reduce((sum, each) => sum + each, 0)).toBeCloseTo(cpuSeconds, 3);
          for (const document of run.documents) expect(document.responseMs).toBeGreaterThanOrEqual(document.waitMs);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('the same seed gives the same run, another one another', () => {
    const run = (seed: number) => JSON.stringify(simulateDocuments(uploadsOf(seed, 300), { ...one, min: 2, max: 2 }));
    expect(run(1)).toBe(run(1));
    expect(run(1)).not.toBe(run(2));
  });
});

test('a light document passes heavy ones: it waits for a slot, not for them', () => {
  const heavy = Array.from({ length: 5 }, (): Upload => ({ atMs: 0, tenant: 'h', kind: 'document', pages: 2000 }));
  const light: Upload = { atMs: 11_000, tenant: 'l', kind: 'document', pages: 1 };
  const { documents } = simulateDocuments([...heavy, light], { ...one, slots: 2, grantSeconds: (pages) => pages / 10 });
  expect(documents.find(({ pages }) => pages === 1)?.waitMs).toBe(0);
});

test("an account's meter paces: 100 pages a minute take 300 pages three minutes", () => {
  const uploads: Upload[] = [{ atMs: 0, tenant: 't', kind: 'document', pages: 300 }];
  const account = { name: 'parser', pagesPerMinute: 100 };
  const { endMs } = simulateDocuments(uploads, {
    ...one,
    slots: 8,
    pagesPerGrant: 5,
    grantSeconds: () => 0.1,
    account,
  });
  expect(endMs).toBeGreaterThan(175_000);
  expect(endMs).toBeLessThan(185_000);
});

describe('scales', () => {
  const scaling = {
    perReplica: 1000,
    startSeconds: 30,
    figures: { out: 3, in: 15 },
    inBelowShare: 0.9,
    cooldownSeconds: { out: 60, in: 300 },
  };
  const tier = { ...one, max: 6, scaling, grantSeconds: (pages: number) => pages / 5 };
  const upload = (atMs: number, pages: number): Upload => ({ atMs, tenant: 't', kind: 'document', pages });
  const last = upload(3 * 3_600_000, 1);

  test('out after three figures that ask for more, by all that is asked for', () => {
    const uploads = Array.from({ length: 100 }, () => upload(0, 50));
    const { replicas } = simulateDocuments([...uploads, last], tier);
    // 5,000 pages, 300 read a minute: after three minutes 4,100 are left.
    expect(replicas.slice(0, 4)).toEqual([1, 1, 1, 5]);
  });

  test('in after fifteen figures that ask for less, one in five minutes', () => {
    const uploads = Array.from({ length: 100 }, () => upload(0, 50));
    const { replicas } = simulateDocuments([...uploads, last], tier);
    const changes = replicas.flatMap((count, minute) => (count < (replicas[minute - 1] ?? 1) ? [minute] : []));
    // Nobody waits after the sixth minute; below 4,500 pages is asked for from the first figure with five replicas on.
    expect(changes).toEqual([18, 23, 28, 33]);
    expect(replicas.at(-1)).toBe(1);
  });

  test('not by what is read within two minutes, however often it comes', () => {
    const peaks = Array.from({ length: 17 }, (_, index) => upload((10 * index + 0.5) * 60_000, 2300));
    const fast = { ...tier, grantSeconds: (pages: number) => pages / 12 };
    const { replicas, pagesWaiting } = simulateDocuments([...peaks, last], fast);
    expect(Math.max(...pagesWaiting)).toBeGreaterThan(1000);
    expect(new Set(replicas)).toEqual(new Set([1]));
  });
});

test('the policy decides on the heads of the groups as on all that wait', () => {
  const size = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 90, max: 260 }));
  const job = fc.record({ tenantId: fc.constantFrom('a', 'b', 'c'), left: size });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(job, { maxLength: 6 }), fc.nat(8), fc.boolean()), { minLength: 1, maxLength: 12 }),
      (turns) => {
        const waiting = new Waiting();
        let [full, heads] = [emptyPolicy(), emptyPolicy()];
        for (const [index, [jobs, grants, lightOnly]] of turns.entries()) {
          for (const [place, { tenantId, left }] of jobs.entries()) {
            const one: WaitingJob = { id: `${index} ${place}`, tenantId, left, enqueuedAtMs: index };
            waiting.add(one);
            full = withJobs(full, [...full.jobs, one]);
            heads = withJobs(heads, waiting.heads());
          }
          for (let grant = 0; grant < grants; grant += 1) {
            const asking = { slots: 2, heavySlots: lightOnly ? 1 : 0, pagesMax: 50 };
            heads = withJobs(heads, waiting.heads());
            const [ofAll, ofHeads] = [decide(full, asking, 0), decide(heads, asking, 0)];
            full = ofAll.state;
            heads = ofHeads.state;
            const granted = 'grant' in ofAll ? ofAll.grant : undefined;
            expect('grant' in ofHeads ? ofHeads.grant : undefined).toEqual(granted);
            if (granted) waiting.take(granted.jobId, granted.pages);
          }
        }
        expect(waiting.size).toBe(full.jobs.length);
        expect(waiting.pages).toBe(full.jobs.reduce((sum, { left }) => sum + left, 0));
      },
    ),
    { numRuns: 300 },
  );
});
