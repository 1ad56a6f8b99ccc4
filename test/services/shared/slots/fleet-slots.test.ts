/** Slots that replicas share, on a real Redis: whatever happens to whom, and in which order. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { fallbackBound } from '../../../../services/shared/slots/fallback.ts';
import { createFleetSlots, type FleetSlots } from '../../../../services/shared/slots/fleet-slots.ts';
import { retryHintMs } from '../../../../services/shared/slots/hint.ts';
import { admits } from '../../../../services/shared/slots/share.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
let redis: Redis;
beforeAll(async () => {
  services = await startServices();
  redis = new Redis(services.redisUrl);
});
afterAll(async () => {
  await redis?.quit();
  await services?.close();
});

/** Longer than any test lasts: time passes when the test says so. */
const jobMsMax = 1e9;
const prefix = '{bulkhead:slots:gpu}';

/** The connection of a replica, which the test can cut. */
function cuttable() {
  const link = { cut: false };
  const scripted = redis as unknown as { bulkheadSlots(...parameters: unknown[]): Promise<number[]> };
  return Object.assign(link, {
    redis: {
      defineCommand: redis.defineCommand.bind(redis),
      bulkheadSlots: async (...parameters: unknown[]) => {
        if (link.cut) throw new Error('Connection is closed.');
        return scripted.bulkheadSlots(...parameters);
      },
    } as unknown as Redis,
  });
}

interface Replica {
  readonly slots: FleetSlots;
  readonly link: ReturnType<typeof cuttable>;
  readonly held: (() => void)[];
}

let started = 0;
function startReplica(max: number, cut = false, time = { ms: 0 }): Replica {
  started += 1;
  const link = cuttable();
  link.cut = cut;
  // Defines the command before the first call through the cuttable connection.
  if (!('bulkheadSlots' in redis)) createFleetSlots({ ...common(max, redis), replica: 'first' }).close();
  const slots = createFleetSlots({ ...common(max, link.redis), replica: `replica-${started}`, now: () => time.ms });
  return { slots, link, held: [] };
}
const common = (max: number, given: Redis) => ({ redis: given, name: 'gpu', max, jobMsMax, log: services.log });

const over = () => redis.set(`${prefix}:recover`, 0);

async function startFleet(max: number, count: number, time?: { ms: number }): Promise<Replica[]> {
  await redis.flushall();
  const fleet = Array.from({ length: count }, () => startReplica(max, false, time));
  await syncAll(fleet);
  await over();
  await syncAll(fleet);
  return fleet;
}
const syncAll = async (fleet: readonly Replica[]) => {
  for (const { slots } of fleet) await slots.sync();
  // Each knows the last word.
  for (const { slots } of fleet) await slots.sync();
};
const closeAll = (fleet: readonly Replica[]) => Promise.all(fleet.map(({ slots }) => slots.close()));

async function take({ slots, held }: Replica, tenant?: string): Promise<boolean> {
  const taken = await slots.take(tenant);
  if ('release' in taken) held.push(taken.release);
  return 'release' in taken;
}

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
}, 120_000);

test('eight replicas that take and give back at once are never above the cap, and refuse only at it', async () => {
  const max = 6;
  const fleet = await startFleet(max, 8);
  let [inside, most, refusedEarly, taken] = [0, 0, 0, 0];
  await Promise.all(
    fleet.map(async ({ slots }) => {
      for (let round = 0; round < 60; round += 1) {
        const before = inside;
        const slot = await slots.take();
        if (!('release' in slot)) {
          // A slot may be given back, and Redis not have heard of it yet.
          if (before === 0 && inside === 0) refusedEarly += 1;
          continue;
        }
        inside += 1;
        taken += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => setTimeout(resolve, (round * 7) % 5));
        inside -= 1;
        slot.release();
      }
    }),
  );
  expect(most).toBe(max);
  expect(taken).toBeGreaterThan(60);
  expect(refusedEarly).toBe(0);
  await syncAll(fleet);
  expect(await redis.hlen(`${prefix}:leases`)).toBe(0);
  await closeAll(fleet);
});

test('what a dead replica held comes free also when the clock of Redis went back', async () => {
  const [one, other] = (await startFleet(2, 2)) as [Replica, Replica];
  expect([await take(one), await take(other)]).toEqual([true, true]);
  one.link.cut = true;
  await one.slots.close();
  // As if all of before had happened a day later.
  const tomorrow = Date.now() + 86_400_000;
  await redis.set(`${prefix}:seen`, tomorrow);
  for (const id of await redis.hkeys(`${prefix}:leases`))
    await redis.hset(`${prefix}:leases`, id, `${tomorrow} ${tomorrow + 10_000} `);
  await other.slots.sync();
  await over();
  await other.slots.sync();
  expect([await take(other), await take(other)]).toEqual([true, false]);
  await other.slots.close();
});

test('what a dead replica held comes free when its lease ends, and not before', async () => {
  const [one, other] = (await startFleet(1, 2)) as [Replica, Replica];
  expect(await take(one)).toBe(true);
  one.link.cut = true;
  await one.slots.close();
  expect(await take(other)).toBe(false);
  const [id, lease = ''] = Object.entries(await redis.hgetall(`${prefix}:leases`))[0] ?? ['', ''];
  const [start, ends] = lease.split(' ').map(Number);
  expect((ends ?? 0) - (start ?? 0)).toBeGreaterThanOrEqual(10_000);
  await redis.hset(`${prefix}:leases`, id, `${start} ${Date.now() - 1} `);
  expect(await take(other)).toBe(true);
  await other.slots.close();
});

describe('without Redis', () => {
  test('each goes on with its share, at once, and what it took is counted when Redis is back', async () => {
    const fleet = await startFleet(7, 3);
    for (const { link } of fleet) link.cut = true;
    const taken: number[] = [];
    for (const replica of fleet) {
      let count = 0;
      while (await take(replica)) count += 1;
      taken.push(count);
      expect(replica.slots.degraded).toBe(true);
    }
    // 7 = 3 + 2 + 2, but of 7 free slots each of three may surely use two.
    expect(taken).toEqual([2, 2, 2]);
    const refused = await (fleet[0] as Replica).slots.take();
    expect(refused).toMatchObject({ retryHintMs: expect.any(Number) });
    for (const { link } of fleet) link.cut = false;
    await syncAll(fleet);
    expect(await redis.hlen(`${prefix}:leases`)).toBe(6);
    await over();
    await syncAll(fleet);
    expect(fleet.map(({ slots }) => [slots.degraded, slots.fleetInFlight])).toEqual(Array(3).fill([false, 6]));
    await closeAll(fleet);
  });

  test('who hears of Redis first does not take what others took meanwhile', async () => {
    const fleet = await startFleet(3, 3);
    for (const { link } of fleet) link.cut = true;
    for (const replica of fleet) expect(await take(replica)).toBe(true);
    for (const { link } of fleet) link.cut = false;
    const first = fleet[0] as Replica;
    await first.slots.sync();
    expect(await take(first)).toBe(false);
    await closeAll(fleet);
  });

  test('one that never heard of the others takes nothing', async () => {
    await redis.flushall();
    const replica = startReplica(4, true);
    expect(await take(replica)).toBe(false);
    await replica.slots.close();
  });

  test('slots that were given back meanwhile are free afterwards', async () => {
    const [one, other] = (await startFleet(1, 2)) as [Replica, Replica];
    expect(await take(one)).toBe(true);
    one.link.cut = true;
    await one.slots.sync();
    one.held.shift()?.();
    one.link.cut = false;
    await syncAll([one, other]);
    await over();
    await syncAll([one, other]);
    expect(await take(other)).toBe(true);
    await closeAll([one, other]);
  });
});

test('the bounds without Redis never add up to more than the cap', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.array(fc.nat(9), { minLength: 1, maxLength: 12 }), (max, wanted) => {
      let left = max;
      const held = wanted.map((count) => {
        const has = Math.min(count, left);
        left -= has;
        return has;
      });
      const bounds = (sinceMs: number) =>
        held.map((own, rank) =>
          fallbackBound(
            max,
            { taken: max - left, replicas: held.length, rank },
            { atMs: 0, held: own, free: left },
            sinceMs,
            1000,
          ),
        );
      // Until all of before has ended, who is over its bound takes nothing.
      const most = bounds(999).reduce((sum, bound, index) => sum + Math.max(bound, held[index] as number), 0);
      expect(most).toBeLessThanOrEqual(max);
      expect(bounds(1000).reduce((sum, bound) => sum + bound, 0)).toBe(max);
    }),
  );
});

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
      for (let index = 0; index < ahead; index += 1) pipeline.zadd(`${prefix}:promised`, now + 1e6, `told-${index}`);
      await pipeline.exec();
      const slots = createFleetSlots({ ...common(max, redis), replica: 'asks', expectedMs: 5000, random: () => 0.5 });
      const answer = await slots.take('tenant-0');
      const own = uses.filter(({ tenant }) => tenant === 0).length;
      const tenants = new Set(uses.map(({ tenant }) => tenant)).size + (own === 0 ? 1 : 0);
      expect('release' in answer).toBe(admits({ max, taken: uses.length, own, tenants }));
      if ('retryHintMs' in answer) {
        const durationsMs = past.length > 0 ? past : [5000];
        const near = (elapsed: number) =>
          retryHintMs({ agesMs: uses.map(({ ageMs }) => ageMs + elapsed), durationsMs, ahead, random: 0.5 });
        // Time passes while Redis is asked: an age may just cross a duration.
        const expected = [0, 1, 2, 4, 8, 16, 32].map(near);
        expect(answer.retryHintMs).toBeGreaterThanOrEqual(Math.min(...expected) - 50);
        expect(answer.retryHintMs).toBeLessThanOrEqual(Math.max(...expected) + 50);
      }
      await slots.close();
    }),
    { numRuns: 60 },
  );
}, 60_000);
