/** How long a tier with a range of replicas takes to have more of them, and what waits meanwhile. */
import type { ServiceName } from '../../../services/manifest.ts';
import { type Environment, placedServices, placementsOf } from '../../environment.ts';
import type { At } from '../../pricing/costed-environment.ts';
import type { Placement } from '../../schema/placement.ts';
import type { ConstantName, Constants } from './constants.ts';
import type { Carried } from './limits.ts';

export interface ScaleOut {
  readonly tier: ServiceName;
  readonly platform: Placement['platform'];
  /** Until the platform decides; from there until the replica serves. */
  readonly noticedSeconds: number;
  readonly readySeconds: number;
  /** When load jumps from what the least replicas carry to what the most do: so much waits, or is refused. */
  readonly meanwhile: { readonly bounds: keyof Carried; readonly count: number } | undefined;
}

/**
 * Target tracking starts replicas after three periods of a minute above its target, for tasks as for instances: `scalingRules`
 * in constructs/tier/scaling-target.ts says where AWS shows it.
 * A HorizontalPodAutoscaler looks every 15 s (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/), at a
 * metric that is a minute old, and waits a minute more: that is how long its stabilization window is.
 */
const noticedSeconds = { ecs: 180, vm: 180, kubernetes: 135, local: 0 } as const;
/** From the decision until a container starts. Assumed, not measured: a pod finds a node with room. */
export const provisionSeconds = { ecs: 60, vm: 120, kubernetes: 30, local: 0 } as const;

/** What of a tier is in the way meanwhile. */
const kindOf: Partial<Record<ServiceName, keyof Carried>> = {
  'document-worker': 'pagesPerMinute',
  chat: 'chatsPerMinute',
};

export function scaleOutOf(
  environment: Environment,
  constants: Constants,
  carriedAt: (at: At) => Carried,
): readonly ScaleOut[] {
  return placedServices(environment).flatMap((tier): ScaleOut[] => {
    const [place] = placementsOf(environment, tier);
    if (!place || place.replicas.min === place.replicas.max) return [];
    const { platform } = place;
    const start = constants[`startSeconds ${tier}` as ConstantName] as { readonly value: number } | undefined;
    const readySeconds = provisionSeconds[platform] + (start?.value ?? 0);
    const kind = kindOf[tier];
    const seconds = noticedSeconds[platform] + readySeconds;
    return [
      {
        tier,
        platform,
        noticedSeconds: noticedSeconds[platform],
        readySeconds,
        meanwhile: kind && {
          bounds: kind,
          count: ((carriedAt('max')[kind] - carriedAt('min')[kind]) / 60) * seconds,
        },
      },
    ];
  });
}
