import { expect, test } from '@jest/globals';
import { leastOutstanding } from '../../../local/router/balance.ts';

const replica = (port: number, outstanding: number, ready = true) => ({ port, outstanding, ready });

test('the ready replica with the fewest requests under way, the first of equals', () => {
  expect(leastOutstanding([replica(1, 2), replica(2, 1), replica(3, 1)])?.port).toBe(2);
  expect(leastOutstanding([replica(1, 0, false), replica(2, 9)])?.port).toBe(2);
  expect(leastOutstanding([replica(1, 0, false)])).toBeUndefined();
  expect(leastOutstanding([])).toBeUndefined();
});
