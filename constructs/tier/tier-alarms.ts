import { CloudwatchLogMetricFilter } from '@cdktf/provider-aws/lib/cloudwatch-log-metric-filter/index.js';
import { Construct } from 'constructs';
import {
  metricDimensions,
  metricNamespace,
  pagesGrantedAndWaiting,
  slotsInUse,
  slotsPerReplica,
} from '../../environments/wiring/metrics.ts';
import { definitionOf } from '../../services/manifest.ts';
import { alarm } from '../observability/alarm.ts';
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
  constructor(scope: Construct, id: string, props: TierProps & { readonly logGroupName: string }) {
    super(scope, id);
    const { service, context, placements, calls } = props;
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
    const { uses } = definitionOf(service);
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
    if (service === 'chat')
      alarm(this, 'slots', {
        name: name('slots'),
        description: 'chat is nearly full: people are told to come back; raise its replicas',
        namespace: metricNamespace,
        metric: slotsInUse,
        dimensions,
        statistic: 'Average',
        // Of what a lone tenant gets, which is seven eighths.
        above: Math.floor(slotsPerReplica(placements[0]?.slots) * (7 / 8) * 0.9),
        topicArn,
      });
    if (service === 'document-worker')
      alarm(this, 'backlog', {
        name: name('backlog'),
        description: 'documents wait long: raise replicas or lower quotas',
        namespace: metricNamespace,
        metric: pagesGrantedAndWaiting,
        dimensions,
        statistic: 'Maximum',
        above: backlogPagesMax,
        periods: 6,
        topicArn,
      });
  }
}
