/** Slots that replicas share, on a real Redis: whatever happens to whom, and in which order. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFleetSlots } from '../../../../services/shared/slots/fleet-slots.ts';
import { freeInMs, retryHintMs, unclaimed } from '../../../../services/shared/slots/hint.ts';
import { admits } from '../../../../services/shared/slots/share.ts';
import {
  closeAll,
  closeFleet,
  common,
  jobMsMax,
  openFleet,
  over,
  prefix,
  type Replica,
  redis,
  startFleet,
  startReplica,
  syncAll,
  take,
} from './fleet-fixture.ts';

beforeAll(openFleet);
afterAll(closeFleet);

type Step =
  | { readonly kind: 'take'; readonly replica: number; readonly tenant: number }
  | { readonly kind: 'free' | 'die' | 'sync'; readonly replica: number }
  | { readonly kind: 'cut' | 'heal' | 'wipe' | 'clockBack' | 'clockForward' | 'settle' | 'longAfter' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('take' as const), replica: fc.nat(2), tenant: fc.nat(3) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('free' as const), replica: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('die', 'sync', 'sync'), replica: fc.nat(2) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('cut', 'heal', 'wipe', 'clockBack', 'clockForward', 'settle', 'longAfter'),
    }),
  },
);

test('never above the cap, none lost, counts conserved, whatever happens in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 60 }), async (max, steps) => {
      const time = { ms: 0 };
      const fleet = await startFleet(max, 3, time);
      let cut = false;
      let [takes, refused] = [0, 0];
      const gone = { executed: 0, yielded: 0 };
      const at = (index: number) => fleet[index] as Replica;
      for (const one of steps) {
        if (one.kind === 'take') {
          takes += 1;
          if (!(await take(at(one.replica), one.tenant === 0 ? undefined : `tenant-${one.tenant}`))) refused += 1;
        } else if (one.kind === 'free') {
          const release = at(one.replica).held.shift();
          release?.();
          release?.();
        } else if (one.kind === 'sync') await at(one.replica).slots.sync();
        else if (one.kind === 'die') {
          // Nothing is given back: its leases stay until they expire.
          const { slots, link } = at(one.replica);
          gone.executed += slots.counts.executed;
          gone.yielded += slots.counts.yielded;
          link.cut = true;
          await slots.close();
          fleet[one.replica] = startReplica(max, cut, time);
          await at(one.replica).slots.sync();
        } else if (one.kind === 'longAfter') {
          // Whatever ran has ended.
          for (const { held } of fleet) for (const release of held.splice(0)) release();
          time.ms += jobMsMax + 1;
        } else if (one.kind === 'settle') {
          await syncAll(fleet);
          if (!cut) await over();
        } else if (one.kind === 'heal') {
          cut = false;
          for (const { link } of fleet) link.cut = false;
        } else {
          // Each knows what the others have: what they take between the last word and a loss nobody can know.
          await syncAll(fleet);
          if (one.kind === 'cut') {
            cut = true;
            for (const { link } of fleet) link.cut = true;
          } else if (one.kind === 'wipe') await redis.flushall();
          else await redis.set(`${prefix}:seen`, one.kind === 'clockBack' ? 9e15 : 1);
        }
        const inFlight = fleet.reduce((sum, { held }) => sum + held.length, 0);
        expect(inFlight).toBeLessThanOrEqual(max);
        for (const { slots, held } of fleet) {
          expect(slots.inFlight).toBe(held.length);
          expect(slots.counts.executed - slots.counts.completed).toBe(held.length);
        }
      }
      const counted = fleet.reduce(
        (sum, { slots: { counts } }) => sum + counts.executed + counts.yielded,
        gone.executed + gone.yielded,
      );
      expect(counted).toBe(takes);
      expect(fleet.reduce((sum, { slots }) => sum + slots.counts.yielded, gone.yielded)).toBe(refused);

      for (const { link, held } of fleet) {
        link.cut = false;
        for (const release of held) release();
      }
      await syncAll(fleet);
      // But for those of the dead, which expire.
      if (gone.executed === 0) expect(await redis.hkeys(`${prefix}:leases`)).toEqual([]);
      await closeAll(fleet);
    }),
    { numRuns: 150, interruptAfterTimeLimit: 60_000 },
  );
});

const hintAt = (agesMs: number[], durationsMs: number[], told: number[]) =>
  retryHintMs({ agesMs, durationsMs, ahead: unclaimed(freeInMs(agesMs, durationsMs), told), random: 0.5 });

test('the script refuses and hints as the functions say', async () => {
  const ages = fc.array(fc.record({ ageMs: fc.nat(100_000), tenant: fc.nat(3) }), { minLength: 1, maxLength: 12 });
  const durations = fc.array(fc.nat(100_000), { maxLength: 64 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 16 }), ages, durations, fc.nat(20), async (max, uses, past, ahead) => {
      await redis.flushall();
      const now = Date.now();
      const pipeline = redis.pipeline().set(`${prefix}:seen`, now).set(`${prefix}:recover`, 0);
      for (const [index, { ageMs, tenant }] of uses.entries())
        pipeline.hset(`${prefix}:leases`, `use-${index}`, `${now - ageMs} ${now + 60_000} tenant-${tenant}`);
      for (const duration of past) pipeline.rpush(`${prefix}:durations`, duration);
      for (let index = 0; index < ahead; index += 1) pipeline.zadd(`${prefix}:promised`, now + 5000, `told-${index}`);
      await pipeline.exec();
      const slots = createFleetSlots({ ...common(max, redis), replica: 'asks', expectedMs: 5000, random: () => 0.5 });
      const answer = await slots.take('tenant-0');
      const own = uses.filter(({ tenant }) => tenant === 0).length;
      const tenants = new Set(uses.map(({ tenant }) => tenant)).size + (own === 0 ? 1 : 0);
      expect('release' in answer).toBe(admits({ max, taken: uses.length, own, tenants }));
      if ('retryHintMs' in answer) {
        const durationsMs = past.length > 0 ? past : [5000];
        const near = (elapsed: number) =>
          hintAt(
            uses.map(({ ageMs }) => ageMs + elapsed),
            durationsMs,
            Array(ahead).fill(5000 - elapsed),
          );
        // Time passes while Redis is asked: an age may just cross a duration.
        const expected = [0, 1, 2, 4, 8, 16, 32].map(near);
        expect(answer.retryHintMs).toBeGreaterThanOrEqual(Math.min(...expected) - 50);
        expect(answer.retryHintMs).toBeLessThanOrEqual(Math.max(...expected) + 50);
      }
      await slots.close();
    }),
    { numRuns: 60 },
  );
});
