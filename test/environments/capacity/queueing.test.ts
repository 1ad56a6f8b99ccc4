import { describe, expect, test } from '@jest/globals';
import { offeredAt, refusedShare, waitingShare, waitsOf } from '../../../environments/capacity/queueing.ts';

describe('queues agree with the formulas that have a closed form', () => {
  test.each([0.1, 0.5, 0.9])('one server at %d: M/M/1 and M/D/1', (load) => {
    const queue = { servers: 1, arrivalsPerSecond: load, serviceSeconds: 1 };
    expect(waitsOf(queue).meanSeconds).toBeCloseTo(load / (1 - load), 10);
    expect(waitsOf({ ...queue, serviceScv: 0 }).meanSeconds).toBeCloseTo(load / (2 * (1 - load)), 10);
  });

  test('M/M/1: P(W > t) = load x exp(-(1 - load) t)', () => {
    const { p95Seconds } = waitsOf({ servers: 1, arrivalsPerSecond: 0.5, serviceSeconds: 1 });
    expect(0.5 * Math.exp(-0.5 * p95Seconds)).toBeCloseTo(0.05, 10);
  });

  test('two servers, 1 Erlang: 1/2 / (1 + 1 + 1/2) are refused, or a third waits', () => {
    expect(refusedShare(2, 1)).toBeCloseTo(0.2, 10);
    expect(waitingShare(2, 1)).toBeCloseTo(1 / 3, 10);
    expect(offeredAt(2, 0.2)).toBeCloseTo(1, 8);
  });

  test('a full queue waits without end', () => {
    expect(waitsOf({ servers: 2, arrivalsPerSecond: 2, serviceSeconds: 1 }).meanSeconds).toBe(Number.POSITIVE_INFINITY);
  });
});
