/** Slots that replicas share: many at once, replicas that die, a Redis that is away, a clock that jumps. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fallbackBound } from '../../../../services/shared/slots/fallback.ts';
import {
  closeAll,
  closeFleet,
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

test('eight replicas that take and give back at once are never above the cap', async () => {
  const max = 6;
  const fleet = await startFleet(max, 8);
  let [inside, most, taken] = [0, 0, 0];
  await Promise.all(
    fleet.map(async ({ slots }) => {
      for (let round = 0; round < 60; round += 1) {
        const slot = await slots.take();
        if (!('release' in slot)) continue;
        inside += 1;
        taken += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => setTimeout(resolve, (round * 7) % 5));
        inside -= 1;
        slot.release();
      }
    }),
  );
  expect(most).toBeLessThanOrEqual(max);
  expect(taken).toBeGreaterThan(max);
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
    fc.property(
      fc.integer({ min: 1, max: 64 }),
      fc.array(fc.nat(9), { minLength: 1, maxLength: 12 }),
      (max, wanted) => {
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
      },
    ),
  );
});
