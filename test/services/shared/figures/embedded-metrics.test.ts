import { expect, test } from '@jest/globals';
import { metricDimensions, metricNames, metricNamespace } from '../../../../services/metrics.ts';
import { embeddedMetrics } from '../../../../services/shared/figures/embedded-metrics.ts';

test('a line is what the constructs scale on: namespace, dimensions, names, units', () => {
  const line = embeddedMetrics({
    environment: 'dev',
    tier: 'document-worker',
    metrics: [
      { name: metricNames.pagesGrantedAndWaiting, unit: 'count', values: [3, 5] },
      { name: metricNames.memoryGrowth, unit: 'bytes per hour', values: [0, 7] },
    ],
    nowMs: 1,
  });
  expect(line).toMatchObject({
    ...metricDimensions('dev', 'document-worker'),
    PagesGrantedAndWaiting: [3, 5],
    MemoryGrowth: [0, 7],
  });
  expect(line._aws).toEqual({
    Timestamp: 1,
    CloudWatchMetrics: [
      {
        Namespace: metricNamespace,
        Dimensions: [['Environment', 'Tier']],
        Metrics: [
          { Name: 'PagesGrantedAndWaiting', Unit: 'Count' },
          { Name: 'MemoryGrowth', Unit: 'None' },
        ],
      },
    ],
  });
});

test('a metric that was not read for a minute is left out of the line', () => {
  const line = embeddedMetrics({
    environment: 'dev',
    tier: 'document-worker',
    metrics: [
      { name: metricNames.pagesGrantedAndWaiting, unit: 'count', values: [] },
      { name: metricNames.memoryGrowth, unit: 'bytes per hour', values: [7] },
    ],
    nowMs: 1,
  });
  expect(line).toEqual({
    _aws: {
      Timestamp: 1,
      CloudWatchMetrics: [
        {
          Namespace: metricNamespace,
          Dimensions: [['Environment', 'Tier']],
          Metrics: [{ Name: 'MemoryGrowth', Unit: 'None' }],
        },
      ],
    },
    ...metricDimensions('dev', 'document-worker'),
    MemoryGrowth: [7],
  });
});
