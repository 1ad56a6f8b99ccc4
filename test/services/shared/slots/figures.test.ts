/** The figures of slots, each by itself: who is admitted, and what the refused are told. */
import { describe, expect, test } from '@jest/globals';
import { hintMsMax, hintMsMin, retryHintMs, unclaimed } from '../../../../services/shared/slots/hint.ts';
import { admits, reserveOf } from '../../../../services/shared/slots/share.ts';
import { createSlots } from '../../../../services/shared/slots/slots.ts';

const still = { now: () => 0, random: () => 0 };

test.each([
  [1, 0],
  [2, 1],
  [8, 1],
  [9, 2],
  [16, 2],
  [17, 3],
])('of %d slots a reserve of %d', (max, reserve) => expect(reserveOf(max)).toBe(reserve));

describe('16 slots, of which 2 are the reserve', () => {
  test.each([
    // Whoever has none gets any that is free.
    [{ own: 0, taken: 15, tenants: 20 }, true],
    [{ own: 0, taken: 16, tenants: 1 }, false],
    // Alone: all but the reserve; below its share it may take half of the reserve.
    [{ own: 13, taken: 14, tenants: 1 }, true],
    [{ own: 13, taken: 15, tenants: 1 }, false],
    [{ own: 14, taken: 13, tenants: 1 }, true],
    [{ own: 14, taken: 14, tenants: 1 }, false],
    // Two tenants share 14: 7 each.
    [{ own: 6, taken: 14, tenants: 2 }, true],
    [{ own: 6, taken: 15, tenants: 2 }, false],
    [{ own: 7, taken: 13, tenants: 2 }, true],
    [{ own: 7, taken: 14, tenants: 2 }, false],
    // More tenants than slots: a share is never less than one.
    [{ own: 1, taken: 13, tenants: 20 }, true],
    [{ own: 1, taken: 14, tenants: 20 }, false],
  ])('%j: %p', (share, admitted) => expect(admits({ max: 16, ...share })).toBe(admitted));
});

test('one slot has no reserve', () => {
  expect(admits({ max: 1, own: 0, taken: 0, tenants: 1 })).toBe(true);
  expect(admits({ max: 1, own: 1, taken: 1, tenants: 1 })).toBe(false);
});

describe('the hint', () => {
  test.each([
    ['nothing known', { agesMs: [], durationsMs: [], ahead: 0, random: 0 }, hintMsMin],
    ['nobody inside, three before', { agesMs: [], durationsMs: [400], ahead: 3, random: 0 }, 1200],
    ['the oldest first', { agesMs: [0, 900], durationsMs: [1000], ahead: 0, random: 0 }, 100],
    ['then the next', { agesMs: [0, 900], durationsMs: [1000], ahead: 1, random: 0 }, 1000],
    ['then a round of all', { agesMs: [0, 900], durationsMs: [1000], ahead: 2, random: 0 }, 1100],
    ['spread over half of a use', { agesMs: [0, 900], durationsMs: [1000], ahead: 2, random: 1 }, 1600],
    ['or half of the time, if that is less', { agesMs: [0, 900], durationsMs: [1000], ahead: 0, random: 1 }, 150],
    ['the longest are spread below the most', { agesMs: [0], durationsMs: [100_000], ahead: 9, random: 0 }, 40_000],
    ['after those that took longer', { agesMs: [1000], durationsMs: [1000, 3000], ahead: 0, random: 0 }, 2000],
    ['half done at best', { agesMs: [5000], durationsMs: [1000, 3000], ahead: 0, random: 0 }, 5000],
    ['as long as most, when none took longer', { agesMs: [40], durationsMs: [40], ahead: 1, random: 0 }, 80],
    ['no less than the least', { agesMs: [0], durationsMs: [1], ahead: 0, random: 1 }, hintMsMin],
    ['no more than the most', { agesMs: [0], durationsMs: [100_000], ahead: 9, random: 1 }, hintMsMax],
  ])('%s', (_, state, hint) => expect(retryHintMs(state)).toBe(hint));

  test('expects 2 s until a use has ended, and is spread by chance', () => {
    const slots = createSlots({ max: 1, now: () => 0, random: () => 1 });
    slots.take();
    expect(slots.take()).toEqual({ retryHintMs: 3000 });
  });

  test('is spread by chance of its own, unless told otherwise', () => {
    const hints = Array.from({ length: 20 }, () => {
      const slots = createSlots({ max: 1, now: () => 0 });
      slots.take();
      return (slots.take() as { retryHintMs: number }).retryHintMs;
    });
    expect(new Set(hints).size).toBeGreaterThan(1);
  });

  test.each([
    [62, 1143],
    [63, 1141],
    [64, 1000],
  ])('remembers 64 uses: a long one and %d short ones', (short, hint) => {
    const time = { ms: 0 };
    const slots = createSlots({ max: 1, now: () => time.ms, random: () => 0 });
    for (const duration of [10_000, ...Array(short).fill(1000)]) {
      const slot = slots.take();
      time.ms += duration;
      if ('release' in slot) slot.release();
    }
    slots.take();
    expect(slots.take()).toEqual({ retryHintMs: hint });
  });

  test('remembers 4096 promises', () => {
    const slots = createSlots({ max: 1, expectedMs: 1, ...still });
    slots.take();
    const hints = Array.from({ length: 5000 }, () => (slots.take() as { retryHintMs: number }).retryHintMs);
    expect([hints[0], hints[99], hints[4095], hints.at(-1)]).toEqual([50, 100, 4096, 4097]);
  });

  test('who comes back too early gets the next slot that nobody was told of', () => {
    const free = (caller: number) => 100 * (caller + 1);
    expect(unclaimed(free, [])).toBe(0);
    expect(unclaimed(free, [100, 200, 300])).toBe(3);
    // The second came back early, and so its slot is nobody's.
    expect(unclaimed(free, [100, 300, 400])).toBe(1);
    expect(unclaimed(free, [5000, 6000])).toBe(0);
  });
});

test('of a tenant: what it holds, counted until it is given back', () => {
  const slots = createSlots({ max: 3, ...still });
  expect([slots.max, slots.heldBy('a')]).toEqual([3, 0]);
  const first = slots.take('a');
  slots.take('a');
  slots.take();
  expect([slots.heldBy('a'), slots.heldBy('b'), slots.inFlight]).toEqual([2, 0, 3]);
  if ('release' in first) first.release();
  expect([slots.heldBy('a'), slots.inFlight]).toEqual([1, 2]);
});

test('slots are a whole number', () => {
  expect(() => createSlots({ max: 1.5 })).toThrow('slots are 1.5, allowed is a whole number from 1');
});
