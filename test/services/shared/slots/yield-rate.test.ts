import { expect, test } from '@jest/globals';
import { yieldsPerMinute } from '../../../../services/shared/slots/yield-rate.ts';

test('what was refused within the last minute counts, and nothing before', () => {
  const state = { ms: 0, total: 7 };
  const read = yieldsPerMinute(
    () => state.total,
    () => state.ms,
  );
  const rates: number[] = [];
  for (let at = 5; at <= 180; at += 5) {
    state.ms = at * 1000;
    // Two a second for a minute, then none.
    if (at <= 60) state.total += 10;
    rates.push(read());
  }
  const at = (second: number) => rates[second / 5 - 1];
  expect([at(5), at(30), at(60), at(90), at(115), at(120), at(180)]).toEqual([10, 60, 120, 60, 10, 0, 0]);
});
