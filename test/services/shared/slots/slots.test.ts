import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hintMsMax, hintMsMin, retryHintMs } from '../../../../services/shared/slots/hint.ts';
import { admits } from '../../../../services/shared/slots/share.ts';
import { createSlots, type SlotEvent } from '../../../../services/shared/slots/slots.ts';

const at = (time: { ms: number }) => ({ now: () => time.ms, random: () => 0 });

test('a slot is taken at once or refused at once, and giving it back twice frees one', () => {
  const slots = createSlots({ max: 2, ...at({ ms: 0 }) });
  const first = slots.take();
  slots.take();
  expect(slots.take()).toHaveProperty('retryHintMs');
  if ('release' in first) {
    first.release();
    first.release();
  }
  expect(slots.inFlight).toBe(1);
  expect(slots.take()).toHaveProperty('release');
  expect(slots.take()).toHaveProperty('retryHintMs');
  expect(slots.counts).toEqual({ executed: 3, yielded: 2, completed: 1 });
});

test('the hint is what the oldest use still takes, after the recent ones', () => {
  const time = { ms: 0 };
  const slots = createSlots({ max: 1, ...at(time) });
  for (const duration of [1000, 3000]) {
    const slot = slots.take();
    time.ms += duration;
    if ('release' in slot) slot.release();
  }
  slots.take();
  time.ms += 500;
  // Both recent uses took longer than 500 ms: 2,000 ms on average, so 1,500 remain.
  expect(slots.take()).toEqual({ retryHintMs: 1500 });
  // The next one refused waits for one more use.
  expect(slots.take()).toEqual({ retryHintMs: 3500 });
});

test('promises that have passed count no longer', () => {
  const time = { ms: 0 };
  const slots = createSlots({ max: 1, expectedMs: 1000, ...at(time) });
  slots.take();
  expect(slots.take()).toEqual({ retryHintMs: 1000 });
  time.ms = 999;
  expect(slots.take()).toEqual({ retryHintMs: 1001 });
  time.ms = 5000;
  expect(slots.take()).toEqual({ retryHintMs: 5000 });
});

test('a use that takes longer than any before is taken to be half done: short ones of before call nobody back', () => {
  const time = { ms: 0 };
  const slots = createSlots({ max: 1, ...at(time) });
  const short = slots.take();
  time.ms += 60;
  if ('release' in short) short.release();
  slots.take();
  const asked: number[] = [];
  // One caller who comes back when told, through a use of 12 s.
  for (let wait = 0; time.ms < 12_000; time.ms += wait) {
    wait = (slots.take() as { readonly retryHintMs: number }).retryHintMs;
    asked.push(wait);
  }
  expect(asked).toEqual([60, 60, 120, 240, 480, 960, 1920, 3840, 7680]);
});

test('never more in flight than max, whatever the order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.boolean(), { maxLength: 200 }), (max, takes) => {
      const slots = createSlots({ max });
      const held: (() => void)[] = [];
      for (const take of takes) {
        if (!take) held.shift()?.();
        else {
          const full = held.length === max;
          const slot = slots.take();
          expect('retryHintMs' in slot).toBe(full);
          if ('release' in slot) held.push(slot.release);
        }
        expect(slots.inFlight).toBe(held.length);
        expect(slots.inFlight).toBeLessThanOrEqual(max);
      }
      expect(slots.counts.executed - slots.counts.completed).toBe(slots.inFlight);
    }),
  );
});

test('the hint stays within its limits and grows with the callers ahead', () => {
  const times = fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { maxLength: 70 });
  fc.assert(
    fc.property(
      times,
      times,
      fc.nat(2000),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (agesMs, durationsMs, ahead, random) => {
        const hint = retryHintMs({ agesMs, durationsMs, ahead, random });
        expect(hint).toBeGreaterThanOrEqual(hintMsMin);
        expect(hint).toBeLessThanOrEqual(hintMsMax);
        expect(Number.isInteger(hint)).toBe(true);
        expect(
          retryHintMs({ agesMs, durationsMs, ahead: ahead + 5 * Math.max(1, agesMs.length), random }),
        ).toBeGreaterThanOrEqual(hint);
      },
    ),
  );
});

test('slots without a size are refused', () => {
  expect(() => createSlots({ max: 0 })).toThrow('slots are 0, allowed is a whole number from 1');
});

/** Each step: a tenant asks for a slot, or gives its oldest one back. */
const steps = fc.array(fc.record({ tenant: fc.nat(4), take: fc.boolean() }), { maxLength: 300 });

test('slots of tenants: never above max, none lost, counts conserved, whatever the order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 24 }), steps, (max, order) => {
      const slots = createSlots({ max });
      const held = new Map<string, (() => void)[]>();
      const all = () => [...held.values()].flat().length;
      let refused = 0;
      for (const { tenant, take } of order) {
        const id = `tenant-${tenant}`;
        const own = held.get(id) ?? [];
        held.set(id, own);
        if (!take) {
          const release = own.shift();
          release?.();
          release?.();
        } else {
          const newcomer = own.length === 0;
          const full = all() === max;
          const slot = slots.take(id);
          if ('release' in slot) own.push(slot.release);
          else refused += 1;
          // Whoever has none is refused only when there is none.
          if (newcomer) expect('release' in slot).toBe(!full);
        }
        expect(slots.heldBy(id)).toBe(own.length);
        expect(slots.inFlight).toBe(all());
        expect(slots.inFlight).toBeLessThanOrEqual(max);
        expect(slots.counts.executed - slots.counts.completed).toBe(slots.inFlight);
        expect(slots.counts.yielded).toBe(refused);
      }
      for (const releases of held.values()) for (const release of releases) release();
      expect(slots.inFlight).toBe(0);
      expect([...held.keys()].map((id) => slots.heldBy(id)).every((count) => count === 0)).toBe(true);
    }),
  );
});

test('one tenant floods: it has all but the reserve, and a second one finds a slot at any moment', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 200 }), fc.array(fc.boolean(), { maxLength: 300 }), (max, order) => {
      const slots = createSlots({ max });
      const held: (() => void)[] = [];
      for (const take of order) {
        if (!take) held.shift()?.();
        else {
          const slot = slots.take('flood');
          // Work-conserving: refused only at the reserve.
          expect('release' in slot).toBe(held.length < max - Math.ceil(max / 8));
          if ('release' in slot) held.push(slot.release);
        }
        const second = slots.take('second');
        expect(second).toHaveProperty('release');
        if ('release' in second) second.release();
      }
    }),
  );
});

test('tenants that all flood have at least their fair shares in the end, and a newcomer still finds a slot', () => {
  fc.assert(
    fc.property(fc.integer({ min: 16, max: 64 }), fc.integer({ min: 2, max: 4 }), (max, tenants) => {
      const slots = createSlots({ max });
      const held = Array.from({ length: tenants }, (): (() => void)[] => []);
      const take = (tenant: number) => {
        const slot = slots.take(`tenant-${tenant}`);
        if ('release' in slot) held[tenant]?.push(slot.release);
      };
      for (let count = 0; count < max; count += 1) take(0);
      // Answers end in any order; each end is a race of all.
      for (let round = 0; round < 6 * max; round += 1) {
        held[round % tenants]?.shift()?.();
        for (let tenant = 0; tenant < tenants; tenant += 1) take(tenant);
      }
      const fair = Math.floor((max - Math.ceil(max / 8)) / tenants);
      for (const { length } of held) expect(length).toBeGreaterThanOrEqual(fair);
      expect(slots.take('newcomer')).toHaveProperty('release');
    }),
    { numRuns: 30 },
  );
});

test('a tenant that gave all its slots back takes nothing from the share of the others', () => {
  const slots = createSlots({ max: 16 });
  const taken = (tenantId: string, count: number) =>
    Array.from({ length: count }, () => 'release' in slots.take(tenantId)).every(Boolean);
  expect(taken('a', 8)).toBe(true);
  const gone = slots.take('gone');
  if ('release' in gone) gone.release();
  expect(slots.heldBy('gone')).toBe(0);
  // Two share 14: the seventh is within its share, and takes half of the reserve. Among three it would not be.
  expect(taken('b', 7)).toBe(true);
  expect(taken('b', 1)).toBe(false);
});

test.each([
  [{ max: 1, taken: 0, own: 0, tenants: 1 }, true],
  [{ max: 2, taken: 1, own: 1, tenants: 1 }, false],
  [{ max: 64, taken: 55, own: 55, tenants: 1 }, true],
  [{ max: 64, taken: 56, own: 56, tenants: 1 }, false],
  // Others have little: more than a fair share may be had, but not the reserve.
  [{ max: 64, taken: 55, own: 50, tenants: 3 }, true],
  [{ max: 64, taken: 56, own: 50, tenants: 3 }, false],
  // Below its share, a tenant takes of the reserve; half of it is for who has none.
  [{ max: 64, taken: 59, own: 4, tenants: 3 }, true],
  [{ max: 64, taken: 60, own: 4, tenants: 3 }, false],
  [{ max: 64, taken: 63, own: 0, tenants: 4 }, true],
  [{ max: 64, taken: 64, own: 0, tenants: 4 }, false],
])('%j: %s', (share, admitted) => {
  expect(admits(share)).toBe(admitted);
});

test('tells metrics of every slot taken, refused and given back', () => {
  const time = { ms: 0 };
  const events: SlotEvent[] = [];
  const slots = createSlots({ max: 1, expectedMs: 1000, onEvent: (event) => events.push(event), ...at(time) });
  const slot = slots.take();
  slots.take();
  time.ms += 300;
  if ('release' in slot) slot.release();
  expect(events).toEqual([
    { kind: 'taken' },
    { kind: 'yielded', retryHintMs: 1000 },
    { kind: 'freed', durationMs: 300 },
  ]);
});

test('who waits longest is spread too: a thousand are not told the same moment', () => {
  // Spread evenly over 0 to 1, as chance is over many more.
  let drawn = 0;
  const random = () => (++drawn * 0.618_034) % 1;
  const slots = createSlots({ max: 1, expectedMs: 10_000, random });
  slots.take();
  const told = Array.from({ length: 1000 }, () => (slots.take() as { retryHintMs: number }).retryHintMs);
  const seconds = new Map<number, number>();
  for (const ms of told.slice(10)) seconds.set(Math.floor(ms / 1000), (seconds.get(Math.floor(ms / 1000)) ?? 0) + 1);
  expect(Math.max(...seconds.values())).toBeLessThan(120);
});
