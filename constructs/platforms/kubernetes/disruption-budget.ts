import type { Construct } from 'constructs';
import { lazy } from '../../lazy.ts';
import { type Common, selectorOf } from './objects.ts';

/** One at a time, never none: with `minAvailable` a tier of one replica would block every drain of its node. */
export function disruptionBudget(scope: Construct, { metadata, dependsOn }: Common): void {
  new lazy.PodDisruptionBudgetV1(scope, 'disruption-budget', {
    metadata,
    dependsOn: [...dependsOn],
    spec: { maxUnavailable: '1', selector: { matchLabels: selectorOf(metadata.name) } },
  });
}
