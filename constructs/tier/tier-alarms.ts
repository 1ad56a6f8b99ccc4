/**
 * Alarms that read what the service itself says, so they stay when the platform changes. Alarms on a platform's own
 * metrics are made by the platform child.
 */
import { CloudwatchLogMetricFilter } from '@cdktf/provider-aws/lib/cloudwatch-log-metric-filter/index.js';
import { Construct } from 'constructs';
import { boundOf } from '../../environments/schema/bound.ts';
import type { Placement } from '../../environments/schema/placement.ts';
import { leakShareOfBudgetPerHour, metricDimensions, metricNames, metricNamespace } from '../../services/metrics.ts';
import { alarm } from '../observability/alarm.ts';
import type { TierProps } from './tier-props.ts';

/** Error lines in five minutes that a person should look at: one may be chance. */
const errorsMax = 5;

export class TierAlarms extends Construct {
  constructor(scope: Construct, id: string, props: TierProps & { readonly logGroupName: string }) {
    super(scope, id);
    const { service, definition, context, placements, calls } = props;
    const name = (what: string) => `${context.prefix}-${service}-${what}`;
    const namespace = `${metricNamespace}/${context.environment}`;
    const topicArn = context.alarmTopicArn;
    const dimensions = metricDimensions(context.environment, service);
    new CloudwatchLogMetricFilter(this, 'error-lines', {
      name: name('errors'),
      logGroupName: props.logGroupName,
      // pino: 50 is error, 60 fatal. A refused turn (503 yield) is logged below that.
      pattern: '{ $.level >= 50 }',
      metricTransformation: { namespace, name: `${service}-errors`, value: '1', defaultValue: '0' },
    });
    alarm(this, 'errors', {
      name: name('errors'),
      description: `${service} writes errors; read its log group /${context.prefix}/${service}`,
      namespace,
      metric: `${service}-errors`,
      statistic: 'Sum',
      above: errorsMax,
      periods: 1,
      topicArn,
    });
    const { uses, alarms = [] } = definition;
    if (calls.length + uses.length > 0) {
      new CloudwatchLogMetricFilter(this, 'degraded-lines', {
        name: name('degraded'),
        logGroupName: props.logGroupName,
        // What a service writes while a store, or a tier that it calls, is away. Nothing is replaced for it.
        pattern: '{ $.msg = "degraded*" }',
        metricTransformation: { namespace, name: `${service}-degraded`, value: '1', defaultValue: '0' },
      });
      alarm(this, 'degraded', {
        name: name('degraded'),
        description: `${service} is degraded: ${[...uses, ...calls].join(', ')}, one of them is away; its log group /${context.prefix}/${service} says which`,
        namespace,
        metric: `${service}-degraded`,
        statistic: 'Sum',
        above: 0,
        periods: 1,
        topicArn,
      });
    }
    // While a tier moves it has two budgets: the smaller one is full first.
    const memoryMiB = Math.min(...placements.map((place) => place.memoryMiB));
    alarm(this, 'leak', {
      name: name('leak'),
      description: `memory of ${service} grows without load, by a hundredth of its budget an hour: a leak; restart it, then find what keeps it`,
      namespace: metricNamespace,
      metric: metricNames.memoryGrowth,
      dimensions,
      // Of replicas the worst.
      statistic: 'Maximum',
      above: Math.floor(leakShareOfBudgetPerHour * memoryMiB * 2 ** 20),
      // Half an hour: the slope is of hours, one point of it may be chance.
      periods: 6,
      topicArn,
    });
    for (const { id, metric, statistic, above, periods, description } of alarms)
      alarm(this, id, {
        name: name(id),
        description,
        namespace: metricNamespace,
        metric,
        dimensions,
        statistic,
        above: boundOf(above, definition, placements[0] as Placement),
        ...(periods && { periods }),
        topicArn,
      });
  }
}
