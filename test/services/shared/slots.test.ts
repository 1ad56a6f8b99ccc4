import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSlots, hintMsMax, hintMsMin, retryHintMs } from '../../../services/shared/slots.ts';

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
          retryHintMs({ agesMs, durationsMs, ahead: ahead + Math.max(1, agesMs.length), random }),
        ).toBeGreaterThanOrEqual(hint);
      },
    ),
  );
});

test('slots without a size are refused', () => {
  expect(() => createSlots({ max: 0 })).toThrow('slots are 0, allowed is a whole number from 1');
});
