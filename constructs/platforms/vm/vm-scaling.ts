import type { Construct } from 'constructs';
import { metricDimensions, metricNamespace } from '../../../services/metrics.ts';
import { lazy } from '../../lazy.ts';
import { memoryAlarm } from '../../observability/memory-alarm.ts';
import { scalingTarget } from '../../tier/scaling-target.ts';
import type { PlatformProps } from '../../tier/tier-props.ts';

/** Scales a group of instances where min is below max, and watches their memory. */
export function scaleGroup(scope: Construct, groupName: string, props: PlatformProps): void {
  const { context, service } = props;
  const name = `${context.prefix}-${service}-vm`;
  memoryAlarm(scope, {
    name,
    namespace: metricNamespace,
    metric: 'mem_used_percent',
    dimensions: metricDimensions(context.environment, service),
    topicArn: context.alarmTopicArn,
  });
  const target = scalingTarget(props);
  if (!target) return;
  new lazy.AutoscalingPolicy(scope, 'scaling', {
    name,
    autoscalingGroupName: groupName,
    policyType: 'TargetTrackingScaling',
    targetTrackingConfiguration: {
      targetValue: target.value,
      ...('cpu' in target
        ? { predefinedMetricSpecification: { predefinedMetricType: 'ASGAverageCPUUtilization' } }
        : { customizedMetricSpecification: { metrics: target.metrics.map((metric) => ({ ...metric })) } }),
    },
    // A policy belongs to its group, and the group is replaced at each rollout.
    lifecycle: { createBeforeDestroy: true },
  });
}
