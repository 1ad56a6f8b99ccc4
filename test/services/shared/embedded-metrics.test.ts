import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { metricDimensions, metricNames, metricNamespace } from '../../../services/metrics.ts';
import { embeddedMetric, startMetricLog } from '../../../services/shared/embedded-metrics.ts';
import type { Logger } from '../../../services/shared/log.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const lines: Record<string, unknown>[] = [];
const log = { info: (line: Record<string, unknown>) => lines.push(line), warn: () => {} } as unknown as Logger;

test('a line is what the constructs scale on: namespace, dimensions, name', () => {
  const name = metricNames.pagesGrantedAndWaiting;
  const line = embeddedMetric({ environment: 'dev', tier: 'document-worker', name, values: [3, 5], nowMs: 1 });
  expect(line).toMatchObject({ ...metricDimensions('dev', 'document-worker'), [name]: [3, 5] });
  expect(line._aws).toEqual({
    Timestamp: 1,
    CloudWatchMetrics: [
      { Namespace: metricNamespace, Dimensions: [['Environment', 'Tier']], Metrics: [{ Name: name, Unit: 'Count' }] },
    ],
  });
});

test('a minute of samples is one line; a failed sample is a gap; stopped, it is silent', async () => {
  let count = 0;
  const read = () => {
    count += 1;
    if (count === 2) throw new Error('away');
    return count;
  };
  const stop = startMetricLog({ log, environment: 'dev', tier: 'chat', name: metricNames.slotsInUse, read });
  await jest.advanceTimersByTimeAsync(65_000);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.SlotsInUse).toEqual([1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  stop();
  await jest.advanceTimersByTimeAsync(120_000);
  expect(lines).toHaveLength(1);
});

test('on one machine nothing is published', () => {
  startMetricLog({ log, environment: 'local', tier: 'chat', name: metricNames.slotsInUse, read: () => 1 });
  expect(jest.getTimerCount()).toBe(0);
});
