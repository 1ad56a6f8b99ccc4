/** Turns on shared work: never too many at once, and nobody waits behind all that another tenant has waiting. */
import { setImmediate as soon } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFairQueue } from '../../../services/vectorstore/search/fair-queue.ts';

/** Pieces of work that end when they are told to. */
function pieces() {
  const started: { readonly tenantId: string; readonly end: () => void }[] = [];
  const order: string[] = [];
  return {
    order,
    /** Ends the piece that has run for longest. */
    endOne: async () => {
      await soon();
      started.shift()?.end();
      await soon();
    },
    work: (tenantId: string) => () => {
      order.push(tenantId);
      return new Promise<void>((resolve) => started.push({ tenantId, end: resolve }));
    },
    get running() {
      return started.length;
    },
  };
}

test('one who asks seldom waits for one piece of each other tenant', async () => {
  const queue = createFairQueue(2);
  const { work, endOne, order } = pieces();
  const all = ['a', 'a', 'a', 'a', 'a', 'b', 'b', 'b', 'c'].map((tenantId) => queue.run(tenantId, work(tenantId)));
  expect([queue.running, queue.waiting]).toEqual([2, 7]);
  for (let ended = 0; ended < all.length; ended += 1) await endOne();
  await Promise.all(all);
  expect(order).toEqual(['a', 'a', 'a', 'b', 'c', 'a', 'b', 'a', 'b']);
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});

test('who gives up while waiting never runs, and holds nobody up', async () => {
  const queue = createFairQueue(1);
  const { work, endOne, order } = pieces();
  const gone = new AbortController();
  const first = queue.run('a', work('a'));
  const second = queue.run('b', work('b'), gone.signal);
  const third = queue.run('c', work('c'));
  gone.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  await expect(queue.run('b', work('b'), gone.signal)).rejects.toThrow('gone');
  expect(queue.waiting).toBe(1);
  await endOne();
  await endOne();
  await Promise.all([first, third]);
  expect(order).toEqual(['a', 'c']);
});

test('under any load as much runs as may, and turns of a tenant differ by one from those of any other that waits', async () => {
  const steps = fc.array(fc.oneof(fc.constantFrom('a', 'b', 'c', 'd'), fc.constant(null)), { maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5 }), steps, async (runningMax, given) => {
      const queue = createFairQueue(runningMax);
      const { work, endOne, order } = pieces();
      let asked = 0;
      let ended = 0;
      /** Turns since a tenant began to wait, per tenant. */
      const waitingSince = new Map<string, number>();
      const count = new Map<string, number>();
      for (const step of given) {
        if (step === null) {
          if (queue.running > 0) ended += 1;
          const before = order.length;
          await endOne();
          for (const tenantId of order.slice(before)) count.set(tenantId, (count.get(tenantId) ?? 0) - 1);
          for (const [tenantId, waits] of count) {
            if (waits <= 0) waitingSince.delete(tenantId);
            else if (order.slice(before).includes(tenantId)) waitingSince.set(tenantId, order.length);
            // At most one turn of each of the three others.
            else expect(order.length - (waitingSince.get(tenantId) ?? order.length)).toBeLessThanOrEqual(3);
          }
        } else {
          const waits = queue.running === runningMax;
          void queue.run(step, work(step));
          asked += 1;
          if (waits && (count.get(step) ?? 0) <= 0) waitingSince.set(step, order.length);
          if (waits) count.set(step, Math.max(0, count.get(step) ?? 0) + 1);
          await soon();
        }
        expect(queue.running).toBe(Math.min(runningMax, asked - ended));
        expect(queue.running + queue.waiting).toBe(asked - ended);
      }
    }),
  );
});

test('what fails gives its turn on', async () => {
  const queue = createFairQueue(1);
  const failed = queue.run('a', async () => Promise.reject(new Error('no')));
  const next = queue.run('a', async () => 'yes');
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('yes');
  expect(() => createFairQueue(0)).toThrow('work that runs at once is 0, allowed is a whole number from 1');
});
