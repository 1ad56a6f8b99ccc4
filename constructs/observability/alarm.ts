import { CloudwatchMetricAlarm } from '@cdktf/provider-aws/lib/cloudwatch-metric-alarm/index.js';
import type { Construct } from 'constructs';

export interface AlarmProps {
  readonly name: string;
  /** What is wrong, and what to do or where to look. */
  readonly description: string;
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions?: Record<string, string>;
  readonly statistic: 'Sum' | 'Average' | 'Maximum' | 'Minimum';
  readonly above?: number;
  readonly below?: number;
  /** Periods of five minutes in a row. @default 3 */
  readonly periods?: number;
  readonly topicArn: string;
}

/** An alarm that tells a person. Seconds-long spikes are no reason: it looks at whole periods of five minutes. */
export function alarm(scope: Construct, id: string, props: AlarmProps): void {
  const { above, below } = props;
  if ((above === undefined) === (below === undefined))
    throw new Error(`alarm '${props.name}': allowed is exactly one of above and below`);
  new CloudwatchMetricAlarm(scope, id, {
    alarmName: props.name,
    alarmDescription: props.description,
    namespace: props.namespace,
    metricName: props.metric,
    ...(props.dimensions ? { dimensions: props.dimensions } : {}),
    statistic: props.statistic,
    comparisonOperator: above === undefined ? 'LessThanThreshold' : 'GreaterThanThreshold',
    threshold: above ?? below,
    period: 300,
    evaluationPeriods: props.periods ?? 3,
    // A part that says nothing has nothing to complain of; that it runs at all is the balancer's check.
    treatMissingData: 'notBreaching',
    alarmActions: [props.topicArn],
    okActions: [props.topicArn],
  });
}
