import type { DeploymentV1 } from '@cdktf/provider-kubernetes/lib/deployment-v1/index.js';
import type { HorizontalPodAutoscalerV2SpecMetric } from '@cdktf/provider-kubernetes/lib/horizontal-pod-autoscaler-v2/index.js';
import type { Construct } from 'constructs';
import { boundOf } from '../../../environments/schema/bound.ts';
import { metricDimensions } from '../../../services/metrics.ts';
import { lazy } from '../../lazy.ts';
import { cooldownSeconds, cpuTargetPercent, podPeriodSeconds, scalingTarget } from '../../tier/scaling-target.ts';
import type { PlatformProps } from '../../tier/tier-props.ts';
import type { Common, WorkloadProps } from './objects.ts';

/**
 * Scales a Deployment where min is below max: on CPU, and where the cluster has an adapter that reads it from CloudWatch
 * (docs/operating.md), on what the service publishes. The one that asks for more replicas wins. A metric that nobody answers
 * would keep every pod that was added: https://github.com/kubernetes/kubernetes/pull/99514
 */
export function scaleDeployment(
  scope: Construct,
  { metadata }: Common,
  deployment: DeploymentV1,
  props: WorkloadProps,
): void {
  if (!scalingTarget(props)) return;
  const { min, max } = props.placement.replicas;
  new lazy.HorizontalPodAutoscalerV2(scope, 'autoscaler', {
    metadata,
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: metadata.name },
      minReplicas: min,
      maxReplicas: max,
      metric: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpuTargetPercent } },
        },
        ...(props.kubernetes.externalMetrics ? published(props) : []),
      ],
      behavior: {
        scaleUp: [behavior(cooldownSeconds.out, max)],
        scaleDown: [behavior(cooldownSeconds.in, 1)],
      },
    },
    dependsOn: [deployment],
  });
}

/**
 * As an external metric. Of a replica: the adapter sums the figures of all replicas; of a tier: it takes the highest of
 * the same figure. Kubernetes divides either by `averageValue`, which is what one replica should carry.
 */
function published({ service, definition, placement, context }: PlatformProps): HorizontalPodAutoscalerV2SpecMetric[] {
  const { scaling } = definition;
  if (!scaling) return [];
  const { Environment, Tier } = metricDimensions(context.environment, service);
  const external = (metric: string, perReplica: number): HorizontalPodAutoscalerV2SpecMetric => ({
    type: 'External',
    external: {
      metric: { name: externalMetric(metric), selector: [{ matchLabels: { environment: Environment, tier: Tier } }] },
      target: { type: 'AverageValue', averageValue: String(perReplica) },
    },
  });
  const perReplica = Math.max(1, boundOf(scaling.perReplica, definition, placement));
  const { refused } = scaling;
  // Kubernetes adds no two of them up: the larger of what is carried and what is refused counts.
  return [
    external(scaling.metric, perReplica),
    ...(refused ? [external(refused.metric, Math.round(perReplica / refused.each))] : []),
  ];
}

/** @example 'SlotsInUse' -> 'bulkhead_slots_in_use' */
export const externalMetric = (name: string): string =>
  `bulkhead${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;

const behavior = (seconds: number, pods: number) => ({
  stabilizationWindowSeconds: seconds,
  selectPolicy: 'Max',
  policy: [{ type: 'Pods', value: pods, periodSeconds: podPeriodSeconds }],
});
