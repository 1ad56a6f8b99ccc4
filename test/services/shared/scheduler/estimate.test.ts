import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { estimateOf, newcomer } from '../../../../services/shared/scheduler/estimate.ts';
import type { BandOutlook, Outlook, Place } from '../../../../services/shared/scheduler/outlook.ts';
import {
  bandOf,
  decide,
  emptyPolicy,
  type WaitingJob,
  withJobs,
} from '../../../../services/shared/scheduler/policy.ts';

/** One page a second: 1,000 ms a page in one slot, so that milliseconds count pages. */
const idle: Outlook = {
  bands: Array.from({ length: 4 }, () => band({})),
  observedMs: 3_600_000,
  windowMs: 3_600_000,
  slots: 1,
  leases: 1,
  pagesPerGrant: 1,
  readMs: 50_000,
  readPages: 50,
  readGrants: 50,
  requestsPerMinute: null,
  pagesPerMinute: null,
  factor: 1,
  heldMs: 0,
};

function band(pages: Readonly<Record<string, number>>, arrived = { pages: 0, batches: 0 }): BandOutlook {
  const backlog = new Map(Object.entries(pages));
  return { backlog, sorted: [...backlog.values()].sort((a, b) => a - b), arrived };
}

const outlookOf = (jobs: readonly WaitingJob[], change: Partial<Outlook> = {}): Outlook => ({
  ...idle,
  bands: idle.bands.map((_, index) => {
    const pages: Record<string, number> = {};
    for (const { tenantId, left } of jobs) if (bandOf(left) === index) pages[tenantId] = (pages[tenantId] ?? 0) + left;
    return band(pages);
  }),
  ...change,
});

function placeOf(jobs: readonly WaitingJob[], job: WaitingJob): Place {
  const before = jobs.filter(
    ({ tenantId, left, enqueuedAtMs }) =>
      tenantId === job.tenantId && (left < job.left || (left === job.left && enqueuedAtMs < job.enqueuedAtMs)),
  );
  return {
    tenant: job.tenantId,
    kind: 'parse',
    band: bandOf(job.left) + 1,
    waiting: true,
    pagesLeft: job.left,
    pagesHeld: 0,
    heldMs: 0,
    jobsAhead: before.length,
    pagesAhead: before.filter(({ left }) => bandOf(left) === bandOf(job.left)).reduce((sum, { left }) => sum + left, 0),
  };
}

/** How many pages the policy grants until a job's last, page by page, when nobody else comes. */
function played(jobs: readonly WaitingJob[]): Map<string, number> {
  const ends = new Map<string, number>();
  let state = withJobs(emptyPolicy(), jobs);
  for (let granted = 1; state.jobs.length > 0; granted++) {
    const decision = decide(state, { slots: 4, heavySlots: 0, pagesMax: 1 }, 0);
    state = decision.state;
    if ('grant' in decision) ends.set(decision.grant.jobId, granted);
  }
  return ends;
}

const uploadsOf = (...tenants: readonly string[]) =>
  fc.array(
    fc.record({
      tenantId: fc.constantFrom(...tenants),
      left: fc.oneof(
        { weight: 5, arbitrary: fc.integer({ min: 1, max: 10 }) },
        { weight: 3, arbitrary: fc.integer({ min: 11, max: 100 }) },
        { weight: 2, arbitrary: fc.integer({ min: 101, max: 500 }) },
      ),
    }),
    { minLength: 1, maxLength: 15 },
  );
const uploads = uploadsOf('a', 'b', 'c', 'd', 'e');

test.each([
  ['five tenants', uploads],
  ['one tenant', uploadsOf('a')],
])('it comes to what the policy does with %s: half of all jobs within 15 %, nine of ten within 50 %', (_of, given) => {
  const errors: number[] = [];
  fc.assert(
    fc.property(given, (some) => {
      const jobs = some.map((one, index) => ({ ...one, id: `j${index}`, enqueuedAtMs: index }));
      const ends = played(jobs);
      for (const job of jobs) {
        const estimate = estimateOf(placeOf(jobs, job), outlookOf(jobs));
        // The last page takes a second to be read.
        const told = (estimate?.finishesInMs as number) / 1000 - 1;
        const real = ends.get(job.id) as number;
        errors.push(Math.abs(told - real) / real);
      }
    }),
    { numRuns: 60, seed: 5 },
  );
  errors.sort((a, b) => a - b);
  expect(errors[Math.floor(errors.length * 0.5)]).toBeLessThan(0.15);
  expect(errors[Math.floor(errors.length * 0.9)]).toBeLessThan(0.5);
});

test('more work of others never makes it come earlier, and always comes to an end', () => {
  fc.assert(
    fc.property(uploads, fc.nat({ max: 5000 }), fc.nat({ max: 200 }), (some, pages, arrived) => {
      const jobs = some.map((one, index) => ({ ...one, id: `j${index}`, enqueuedAtMs: index }));
      const [job] = jobs as [WaitingJob];
      const more = [...jobs, ...(pages > 0 ? [{ id: 'more', tenantId: 'z', left: pages, enqueuedAtMs: 99 }] : [])];
      const outlook = outlookOf(more);
      const busy = {
        ...outlook,
        bands: outlook.bands.map((one) => ({ ...one, arrived: { pages: 20 * arrived, batches: arrived } })),
      };
      const alone = estimateOf(placeOf(jobs, job), outlookOf(jobs))?.finishesInMs as number;
      const beside = estimateOf(placeOf(more, job), outlook)?.finishesInMs as number;
      const crowded = estimateOf(placeOf(more, job), busy)?.finishesInMs as number;
      expect(Number.isFinite(crowded)).toBe(true);
      // The flow is stepped: a few percent are its own.
      expect(beside).toBeGreaterThan(0.85 * alone - 2000);
      expect(crowded).toBeGreaterThan(0.85 * beside - 2000);
    }),
    { numRuns: 100 },
  );
});

const alone = (pages: number, change: Partial<Outlook> = {}) => {
  const outlook = { ...idle, ...change };
  return estimateOf(newcomer('a', pages, outlook), outlook);
};

test('nothing was read yet and no account: unknown, not a guess', () => {
  const fresh = { readMs: 0, readPages: 0, readGrants: 0 };
  expect(alone(100, fresh)).toBeNull();
  // An account says itself how fast it is.
  expect(alone(100, { ...fresh, pagesPerMinute: 60 })?.finishesInMs).toBe(Math.round(99.5 / 0.000995));
});

test('an account halves the speed when it is throttled, and is waited for while it is held', () => {
  const account = { pagesPerMinute: 60, slots: 8 };
  const full = alone(600, account)?.finishesInMs as number;
  expect((alone(600, { ...account, factor: 0.5 })?.finishesInMs as number) / full).toBeCloseTo(2, 1);
  expect((alone(600, { ...account, heldMs: 90_000 })?.finishesInMs as number) - full).toBeCloseTo(90_000, -2);
  // Sixty requests of five pages are faster than eight slots.
  const slots = alone(600, { requestsPerMinute: 6000, slots: 8 })?.finishesInMs as number;
  expect(slots / 1000).toBeCloseTo(600 / 8, -1);
});

test('free slots take their pages at once', () => {
  const free = { slots: 4, leases: 0, pagesPerGrant: 50 };
  expect(alone(120, free)?.finishesInMs).toBe(50_000);
  expect(alone(7, free)).toEqual({ startsInMs: 0, finishesInMs: 7000, pagesAhead: 0 });
});

test('of what is all under way, the rest of its time is left', () => {
  const place: Place = { ...newcomer('a', 0, idle), waiting: false, pagesHeld: 20, heldMs: 15_000 };
  expect(estimateOf(place, { ...idle, pagesPerGrant: 50 })?.finishesInMs).toBe(5000);
  expect(estimateOf({ ...place, heldMs: 60_000 }, { ...idle, pagesPerGrant: 50 })?.finishesInMs).toBe(0);
});

test('pages before it are those of its tenant, and what others get meanwhile', () => {
  const jobs = [
    { id: 'own', tenantId: 'a', left: 30, enqueuedAtMs: 0 },
    { id: 'other', tenantId: 'b', left: 100, enqueuedAtMs: 1 },
    { id: 'mine', tenantId: 'a', left: 40, enqueuedAtMs: 2 },
  ];
  const estimate = estimateOf(placeOf(jobs, jobs[2] as WaitingJob), outlookOf(jobs));
  // Turn by turn with the other tenant.
  expect(estimate?.pagesAhead).toBeGreaterThanOrEqual(55);
  expect(estimate?.pagesAhead).toBeLessThanOrEqual(65);
});
