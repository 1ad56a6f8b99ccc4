/** How a tier of an environment scales, as the simulation plays it. */
import { scalingRules } from '../../constructs/tier/scaling-target.ts';
import { measuredConstants } from '../../environments/capacity/model.ts';
import { provisionSeconds } from '../../environments/capacity/parts/scale-out.ts';
import type { Scaling } from '../../environments/capacity/simulation/replicas.ts';
import { type Environment, placementsOf } from '../../environments/environment.ts';
import { boundOf } from '../../environments/schema/bound.ts';
import type { Placement } from '../../environments/schema/placement.ts';
import { definitionOf } from '../../services/manifest.ts';
import type { Scaled } from './hourly.ts';

/**
 * Undefined on one machine: there nothing scales.
 *
 * @throws Error where it scales on what is not simulated
 * @param provision From the decision until a container starts, s. @default that of its platform, as in the sheet
 */
export function scalingOf(environment: Environment, tier: Scaled, provision?: number): Scaling | undefined {
  const definition = definitionOf(tier);
  const { scaling } = definition;
  if (!scaling) throw new Error(`${tier} names no metric that it scales on`);
  const placement = placementsOf(environment, tier)[0] as Placement;
  const { platform } = placement;
  if (platform === 'local') return undefined;
  if (platform === 'kubernetes' && !environment.kubernetes?.externalMetrics)
    throw new Error(
      `${tier} scales on CPU alone in a cluster without external metrics, which is not simulated; allowed: --replicas most, or kubernetes.externalMetrics: true where an adapter offers them`,
    );
  return {
    ...scalingRules[platform],
    perReplica: Math.max(1, boundOf(scaling.perReplica, definition, placement)),
    refusedEach: scaling.refused?.each,
    startSeconds: (provision ?? provisionSeconds[platform]) + measuredConstants[`startSeconds ${tier}`].value,
  };
}
