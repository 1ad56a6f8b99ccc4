/**
 * Figures as log lines in CloudWatch's embedded metric format: no agent, no API call.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
import { type Metric, metricDimensions, metricNamespace } from '../../metrics.ts';

/** Up to 100 samples a line; a peak between two lines is seen. */
export interface EmbeddedMetric {
  readonly name: string;
  readonly unit: Metric['unit'];
  readonly values: readonly number[];
}

const units: Readonly<Record<Metric['unit'], string>> = {
  count: 'Count',
  bytes: 'Bytes',
  seconds: 'Seconds',
  // CloudWatch has no unit for these.
  'bytes per hour': 'None',
  cores: 'None',
};

/** The members of one line, beside what the logger adds. Pure. */
export function embeddedMetrics(given: {
  environment: string;
  tier: string;
  metrics: readonly EmbeddedMetric[];
  nowMs: number;
}) {
  const dimensions = metricDimensions(given.environment, given.tier);
  // What was not read for a minute has no values, which CloudWatch refuses.
  const metrics = given.metrics.filter(({ values }) => values.length > 0);
  return {
    _aws: {
      Timestamp: given.nowMs,
      CloudWatchMetrics: [
        {
          Namespace: metricNamespace,
          Dimensions: [Object.keys(dimensions)],
          Metrics: metrics.map(({ name, unit }) => ({ Name: name, Unit: units[unit] })),
        },
      ],
    },
    ...dimensions,
    ...Object.fromEntries(metrics.map(({ name, values }) => [name, values])),
  };
}
