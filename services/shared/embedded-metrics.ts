/**
 * Figures that autoscaling follows, as log lines in CloudWatch's embedded metric format: no agent, no API call.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
import type { ServiceName } from '../manifest.ts';
import { type MetricName, metricDimensions, metricNamespace } from '../metrics.ts';
import type { Logger } from './log.ts';

export interface MetricLog {
  readonly log: Logger;
  /** Setting ENVIRONMENT. `local` publishes nothing: nobody scales a laptop. */
  readonly environment: string;
  readonly tier: ServiceName;
  readonly name: MetricName;
  /** The figure now. A failure leaves a gap, which is logged. */
  readonly read: () => number | Promise<number>;
}

/** Twelve samples a line: a peak between two lines is seen. CloudWatch takes up to 100. */
const sampleEveryMs = 5000;
const samplesPerLine = 12;

/** Samples from now on until the returned function is called. */
export function startMetricLog({ log, environment, tier, name, read }: MetricLog): () => void {
  if (environment === 'local') return () => {};
  let values: number[] = [];
  const sample = async () => {
    try {
      values.push(await read());
    } catch (error) {
      log.warn({ err: error as Error, metric: name }, 'metric not read');
    }
    if (values.length < samplesPerLine) return;
    log.info(embeddedMetric({ environment, tier, name, values, nowMs: Date.now() }), 'metric');
    values = [];
  };
  const timer = setInterval(() => void sample(), sampleEveryMs);
  return () => clearInterval(timer);
}

/** The members of one line, beside what the logger adds. Pure. */
export function embeddedMetric(given: {
  environment: string;
  tier: string;
  name: string;
  values: readonly number[];
  nowMs: number;
}) {
  const dimensions = metricDimensions(given.environment, given.tier);
  return {
    _aws: {
      Timestamp: given.nowMs,
      CloudWatchMetrics: [
        {
          Namespace: metricNamespace,
          Dimensions: [Object.keys(dimensions)],
          Metrics: [{ Name: given.name, Unit: 'Count' }],
        },
      ],
    },
    ...dimensions,
    [given.name]: given.values,
  };
}
