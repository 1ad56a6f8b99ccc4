import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { MeteredAccount } from '../../../../services/shared/scheduler/meters.ts';
import {
  type Asking,
  bandOf,
  decide,
  emptyPolicy,
  type PolicyState,
  type WaitingJob,
  withJobs,
} from '../../../../services/shared/scheduler/policy.ts';
import { emptyMeter } from '../../../../services/shared/scheduler/policy-meter.ts';
import { RedisScheduler } from '../../../../services/shared/scheduler/redis-scheduler.ts';
import { emptyRedisBeforeEach, redis } from './empty-redis.ts';

const tenants = ['a', 'b', 'c', 'd'] as const;
const asking = { slots: 4, heavySlots: 0, pagesMax: 1 };
/** Sizes as they come: most are small, some take hours. */
const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 3, arbitrary: fc.integer({ min: 13, max: 130 }) },
  { weight: 2, arbitrary: fc.integer({ min: 131, max: 600 }) },
);
const upload = fc.record({ tenantId: fc.constantFrom(...tenants), left: size });

const add = (state: PolicyState, job: WaitingJob) => withJobs(state, [...state.jobs, job]);

describe('the policy', () => {
  test('grants every page once, whatever comes meanwhile', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(upload, fc.nat(40)), { minLength: 1, maxLength: 15 }),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        (uploads, pagesMax, lightOnly) => {
          const granted = new Map<string, number>();
          let state = emptyPolicy();
          const serve = (most: number, ask: Asking) => {
            for (let grants = 0; grants < most; grants++) {
              const decision = decide(state, ask, 0);
              state = decision.state;
              if (!('grant' in decision)) return;
              const { jobId, pages } = decision.grant;
              expect(pages).toBeGreaterThan(0);
              expect(pages).toBeLessThanOrEqual(pagesMax);
              granted.set(jobId, (granted.get(jobId) ?? 0) + pages);
            }
          };
          for (const [index, [{ tenantId, left }, grants]] of uploads.entries()) {
            state = add(state, { id: `job${index}`, tenantId, left, enqueuedAtMs: index });
            serve(grants, { slots: 2, heavySlots: lightOnly ? 1 : 0, pagesMax });
          }
          serve(Number.POSITIVE_INFINITY, { ...asking, pagesMax });
          expect(state.jobs).toEqual([]);
          expect([...granted]).toHaveLength(uploads.length);
          for (const [index, [{ left }]] of uploads.entries()) expect(granted.get(`job${index}`)).toBe(left);
        },
      ),
      { numRuns: 60 },
    );
  });

  /** Grants one page after another; `flood` uploads before each. @returns pages that each tenant got */
  function flooded(state: PolicyState, grants: number, flood: (state: PolicyState, at: number) => PolicyState) {
    const pages = new Map<string, number>();
    let now = state;
    for (let at = 0; at < grants; at++) {
      now = flood(now, at);
      const before = now.jobs;
      const decision = decide(now, asking, 0);
      if (!('grant' in decision)) throw new Error('the flood ended');
      const { grant } = decision;
      const tenant = before.find(({ id }) => id === grant.jobId)?.tenantId as string;
      pages.set(tenant, (pages.get(tenant) ?? 0) + grant.pages);
      now = decision.state;
    }
    return { pages, state: now };
  }

  /** Keeps a few documents of each of these tenants waiting. */
  const flood = (who: readonly string[], sizes: readonly number[]) => (state: PolicyState, at: number) =>
    state.jobs.length > 2 * who.length + 1
      ? state
      : who.reduce((next, tenantId, index) => {
          const left = sizes[(at + index) % sizes.length] as number;
          return add(next, { id: `f${at}-${index}`, tenantId, left, enqueuedAtMs: at });
        }, state);

  test('a heavy document gets its fifteenth, also while tenants are served by credit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 100, max: 199 }), (middles, left) => {
        const heavy = { id: 'heavy', tenantId: 'h', left: 2000, enqueuedAtMs: 0 };
        const others = Array.from({ length: middles }, (_, index) => `m${index}`);
        const { pages } = flooded(add(emptyPolicy(), heavy), 3000, (state, at) =>
          flood(['small'], [1])(flood(others, [left])(state, at), at),
        );
        // Two grants late at most, and what its own credit is still worth.
        expect(pages.get('h') ?? 0).toBeGreaterThanOrEqual(3000 / 15 - 101);
        expect(pages.get('h') ?? 0).toBeGreaterThanOrEqual((0.5 * 3000) / (middles + 2) - 12);
      }),
      { numRuns: 10 },
    );
  });

  test('a tenant that waits all the time gets half of a fair share, whatever the others send', () => {
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(5, 60, 150, 1500),
        fc.integer({ min: 1, max: 3 }),
        (sizes, own, floods) => {
          const others = tenants.slice(1, 1 + floods);
          const { pages } = flooded(emptyPolicy(), 1200, (state, at) => {
            const more = flood(others, sizes)(state, at);
            const waits = more.jobs.some(({ tenantId }) => tenantId === 'a');
            return waits ? more : add(more, { id: `own${at}`, tenantId: 'a', left: own, enqueuedAtMs: at });
          });
          expect(pages.get('a') ?? 0).toBeGreaterThanOrEqual((0.5 * 1200) / (floods + 1) - 1200 / 15 - 12);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('the last slot is for light documents', () => {
    fc.assert(
      fc.property(fc.array(upload, { minLength: 1, maxLength: 12 }), (uploads) => {
        const jobs = uploads.map(({ tenantId, left }, at) => ({ id: `${at}`, tenantId, left, enqueuedAtMs: at }));
        const decision = decide(withJobs(emptyPolicy(), jobs), { ...asking, heavySlots: 3 }, 0);
        const light = jobs.filter(({ left }) => bandOf(left) <= 1).map(({ id }) => id);
        if ('grant' in decision) expect(light).toContain(decision.grant.jobId);
        else expect(light).toEqual([]);
      }),
    );
  });
});

describe('the script in Redis', () => {
  emptyRedisBeforeEach();

  const step = fc.oneof(
    { weight: 2, arbitrary: upload.map((of) => ({ upload: of })) },
    {
      weight: 6,
      arbitrary: fc.record({ heavySlots: fc.integer({ min: 0, max: 2 }), times: fc.integer({ min: 1, max: 60 }) }),
    },
    { weight: 1, arbitrary: fc.record({ pauseMs: fc.integer({ min: 1, max: 5000 }) }) },
  );
  const account = fc.option(
    fc.record({
      name: fc.constant('parser'),
      requestsPerMinute: fc.constantFrom(0, 20, 300),
      pagesPerMinute: fc.constantFrom(0, 37, 100, 1000),
    }),
    { nil: undefined },
  );

  test('decides as the policy does, on any trace, with a meter and without', async () => {
    let grants = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 20, maxLength: 60 }),
        fc.constantFrom(1, 7, 50),
        account,
        async (steps, pagesMax, metered) => {
          await redis.flushall();
          grants += await granted(steps, pagesMax, metered);
        },
      ),
      { numRuns: 60 },
    );
    expect(grants).toBeGreaterThan(1000);
  }, 120_000);

  async function granted(
    steps: readonly (
      | { upload: { tenantId: string; left: number } }
      | { heavySlots: number; times: number }
      | { pauseMs: number }
    )[],
    pagesMax: number,
    metered: MeteredAccount | undefined,
  ): Promise<number> {
    let nowMs = 1_800_000_000_000;
    let grants = 0;
    let state: PolicyState | undefined;
    const scheduler = new RedisScheduler(redis, {
      clock: () => nowMs,
      pagesPerGrant: pagesMax,
      ...(metered && { account: metered }),
    });
    const begin = () => emptyPolicy(metered && emptyMeter(metered, nowMs, { requests: 1, pages: pagesMax }));
    // A meter begins with the first grant that is asked for.
    const jobs: WaitingJob[] = [];
    for (const [at, one] of steps.entries())
      if ('upload' in one) {
        const job = { id: `job${at}`, ...one.upload, enqueuedAtMs: at };
        const pagesLeft = Array.from({ length: job.left }, (_, index) => index + 1);
        await scheduler.enqueue({ jobId: job.id, tenantId: job.tenantId, pagesLeft, enqueuedAtMs: at });
        if (state) state = add(state, job);
        else jobs.push(job);
      } else if ('pauseMs' in one) nowMs += one.pauseMs;
      else
        for (let time = 0; time < one.times; time++) {
          state ??= withJobs(begin(), jobs);
          const { heavySlots } = one;
          const expected = decide(state, { heavySlots, slots: 3, pagesMax }, nowMs);
          state = expected.state;
          const grant = await scheduler.grant({ worker: 'w', kinds: ['parse'], heavySlots, slots: 3 });
          if ('sleepMs' in grant) {
            expect(grant).toEqual({ sleepMs: 'sleepMs' in expected && expected.sleepMs });
            if (!metered) break;
            nowMs += grant.sleepMs;
          } else {
            const { jobId, pages } = grant.lease;
            expect({ grant: { jobId, pages: pages.length } }).toEqual({ grant: 'grant' in expected && expected.grant });
            await scheduler.complete(grant.lease, pages);
            grants += 1;
          }
        }
    return grants;
  }
});
