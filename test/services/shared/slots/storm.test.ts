/** A retry storm in virtual time: callers who come back when they were told are all served, soon, with few requests. */
import { expect, test } from '@jest/globals';
import { createSlots } from '../../../../services/shared/slots/slots.ts';

const jobMs = 200;

function storm(clients: number, max: number, expectedMs?: number, durationMs: (now: number) => number = () => jobMs) {
  let now = 0;
  const slots = createSlots({ max, expectedMs, now: () => now });
  const events: { readonly at: number; readonly run: () => void }[] = [];
  const state = { sent: 0, servedMs: 0, most: 0 };
  const ask = () => {
    state.sent += 1;
    const slot = slots.take();
    if ('retryHintMs' in slot) return void events.push({ at: now + slot.retryHintMs, run: ask });
    state.most = Math.max(state.most, slots.inFlight);
    events.push({
      at: now + durationMs(now),
      run: () => {
        slot.release();
        state.servedMs = now;
      },
    });
  };
  for (let client = 0; client < clients; client += 1) events.push({ at: 0, run: ask });
  while (events.length > 0) {
    let next = 0;
    for (const [index, { at }] of events.entries()) if (at < (events[next]?.at ?? 0)) next = index;
    const [event] = events.splice(next, 1);
    now = event?.at ?? now;
    event?.run();
  }
  return { ...state, ...slots.counts };
}

// How long a use takes is not known at first: two seconds are expected of it, ten times as much.
test.each([
  [200, 10],
  [1000, 20],
])('%d callers, %d slots', (clients, max) => {
  const { most, completed, executed, sent, yielded, servedMs } = storm(clients, max);
  expect([most, completed, executed]).toEqual([max, clients, clients]);
  expect(sent).toBe(executed + yielded);
  expect(sent).toBeLessThan(4 * clients);
  // At most what was expected at first.
  expect(servedMs).toBeLessThan((clients / max) * 2000 * 1.1);
});

test('1,000 callers, when it is known how long a use takes: a tenth above the least', () => {
  const { servedMs, sent } = storm(1000, 20, jobMs);
  expect(servedMs).toBeLessThan(11_000);
  expect(sent).toBeLessThan(4000);
});

test('1,000 callers, whose uses are slow in the first seconds: nobody is sent away for long', () => {
  const slowAtFirst = (now: number) => (now < 2000 ? 5 * jobMs : jobMs);
  const { servedMs, sent } = storm(1000, 20, jobMs, slowAtFirst);
  // Two seconds bring as much as 0.4 of the others: 11.6 s at least.
  expect(servedMs).toBeLessThan(14_000);
  expect(sent).toBeLessThan(8000);
});
