import { CloudwatchLogMetricFilter } from '@cdktf/provider-aws/lib/cloudwatch-log-metric-filter/index.js';
import { CloudwatchMetricAlarm } from '@cdktf/provider-aws/lib/cloudwatch-metric-alarm/index.js';
import { Construct } from 'constructs';
import { metricDimensions, metricNamespace, pagesGrantedAndWaiting, slotsInUse } from './metrics.ts';
import type { TierProps } from './tier.ts';

/** Error lines in five minutes that a person should look at: one may be chance. */
const errorsMax = 5;

/** More than three hours at a parser account's usual 100 pages a minute: more capacity or a lower quota, a person decides. */
const backlogPagesMax = 20_000;

/**
 * Alarms that read what the service itself says, so they stay when the platform changes. Alarms on a platform's own
 * metrics are made by the platform child.
 */
export class TierAlarms extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { service, site, placements, logGroupName }: TierProps & { readonly logGroupName: string },
  ) {
    super(scope, id);
    const name = (what: string) => `${site.prefix}-${service}-${what}`;
    new CloudwatchLogMetricFilter(this, 'error-lines', {
      name: name('errors'),
      logGroupName,
      // pino: 50 is error, 60 fatal. A refused turn (503 yield) is logged below that.
      pattern: '{ $.level >= 50 }',
      metricTransformation: {
        namespace: `${metricNamespace}/${site.environment}`,
        name: `${service}-errors`,
        value: '1',
        defaultValue: '0',
      },
    });
    this.alarm('errors', {
      alarmName: name('errors'),
      alarmDescription: `${service} writes errors; read its log group /${site.prefix}/${service}`,
      namespace: `${metricNamespace}/${site.environment}`,
      metricName: `${service}-errors`,
      statistic: 'Sum',
      threshold: errorsMax,
      evaluationPeriods: 1,
      alarmActions: [site.alarmTopicArn],
    });
    const first = placements[0];
    if (service === 'chat' && first)
      this.alarm('slots', {
        alarmName: name('slots'),
        alarmDescription: 'chat is nearly full: people are told to come back',
        namespace: metricNamespace,
        metricName: slotsInUse,
        dimensions: metricDimensions(site.environment, service),
        statistic: 'Average',
        // 64 is what chat takes when the environment does not say.
        threshold: Math.floor((first.slots ?? 64) * 0.9),
        evaluationPeriods: 3,
        alarmActions: [site.alarmTopicArn],
      });
    if (service === 'document-worker')
      this.alarm('backlog', {
        alarmName: name('backlog'),
        alarmDescription: 'documents wait long: more replicas, or a lower quota',
        namespace: metricNamespace,
        metricName: pagesGrantedAndWaiting,
        dimensions: metricDimensions(site.environment, service),
        statistic: 'Maximum',
        threshold: backlogPagesMax,
        evaluationPeriods: 6,
        alarmActions: [site.alarmTopicArn],
      });
  }

  private alarm(
    id: string,
    config: Omit<
      ConstructorParameters<typeof CloudwatchMetricAlarm>[2],
      'comparisonOperator' | 'period' | 'treatMissingData'
    >,
  ): void {
    new CloudwatchMetricAlarm(this, id, {
      ...config,
      comparisonOperator: 'GreaterThanThreshold',
      period: 300,
      // A service that says nothing has nothing to complain of; that it runs at all is the balancer's check.
      treatMissingData: 'notBreaching',
    });
  }
}
