import { AppautoscalingTarget } from '@cdktf/provider-aws/lib/appautoscaling-target/index.js';
import type { EcsService } from '@cdktf/provider-aws/lib/ecs-service/index.js';
import type { Construct } from 'constructs';
import { lazy } from '../../lazy.ts';
import { memoryAlarm } from '../../observability/memory-alarm.ts';
import { cooldownSeconds, scalingTarget } from '../../tier/scaling-target.ts';
import type { PlatformProps } from '../../tier/tier-props.ts';

/** Scales a service where min is below max, and watches its memory. */
export function scaleService(scope: Construct, name: string, ecsService: EcsService, props: PlatformProps): void {
  const { context, placement } = props;
  memoryAlarm(scope, {
    name,
    namespace: 'AWS/ECS',
    metric: 'MemoryUtilization',
    dimensions: { ClusterName: context.cluster.name, ServiceName: name },
    topicArn: context.alarmTopicArn,
  });
  const target = scalingTarget(props);
  if (!target) return;
  const scalable = new AppautoscalingTarget(scope, 'scaling-target', {
    serviceNamespace: 'ecs',
    scalableDimension: 'ecs:service:DesiredCount',
    resourceId: `service/${context.cluster.name}/${name}`,
    minCapacity: placement.replicas.min,
    maxCapacity: placement.replicas.max,
    dependsOn: [ecsService],
  });
  new lazy.AppautoscalingPolicy(scope, 'scaling', {
    name,
    policyType: 'TargetTrackingScaling',
    serviceNamespace: scalable.serviceNamespace,
    scalableDimension: scalable.scalableDimension,
    resourceId: scalable.resourceId,
    targetTrackingScalingPolicyConfiguration: {
      targetValue: target.value,
      scaleOutCooldown: cooldownSeconds.out,
      scaleInCooldown: cooldownSeconds.in,
      ...('cpu' in target
        ? { predefinedMetricSpecification: { predefinedMetricType: 'ECSServiceAverageCPUUtilization' } }
        : {
            customizedMetricSpecification: { metrics: target.metrics.map((metric) => ({ ...metric })) },
          }),
    },
  });
}
