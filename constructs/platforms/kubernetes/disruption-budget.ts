import { PodDisruptionBudgetV1 } from '@cdktf/provider-kubernetes/lib/pod-disruption-budget-v1/index.js';
import type { Construct } from 'constructs';
import { type Common, selectorOf } from './objects.ts';

/** One at a time, never none: with `minAvailable` a tier of one replica would block every drain of its node. */
export function disruptionBudget(scope: Construct, { metadata, dependsOn }: Common): void {
  new PodDisruptionBudgetV1(scope, 'disruption-budget', {
    metadata,
    dependsOn: [...dependsOn],
    spec: { maxUnavailable: '1', selector: { matchLabels: selectorOf(metadata.name) } },
  });
}
