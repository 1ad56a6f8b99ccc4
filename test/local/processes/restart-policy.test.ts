import { expect, test } from '@jest/globals';
import { deathsMax, restartDelayMs, windowMs } from '../../../local/processes/restart-policy.ts';

test('each death within a minute doubles the wait; the sixth is the last', () => {
  const deaths = [0, 1, 2, 3, 4, 5].map((second) => second * 1000);
  expect(deaths.map((_, index) => restartDelayMs(deaths.slice(0, index + 1)))).toEqual([
    500,
    1000,
    2000,
    4000,
    8000,
    undefined,
  ]);
  expect(deathsMax).toBe(5);
});

test('deaths longer ago than a minute are forgotten', () => {
  expect(restartDelayMs([0, 1, 2, 3, 4, windowMs + 5])).toBe(500);
});
