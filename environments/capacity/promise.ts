/** Holds what an environment promises to carry against what it is computed to carry. */
import type { ServiceName } from '../../services/manifest.ts';
import { type Environment, placementsOf } from '../environment.ts';
import { replicasMax } from '../schema/placement.ts';
import { type Carried, type Constants, defaultHabits, type Limit, measuredConstants } from './model.ts';
import { limitsOf } from './parts/limits.ts';

/**
 * @throws Error naming every promise that is not kept: given, computed, which part bounds it, and the fewest more replicas
 *   that keep it. Whether those stay below the ceiling is the ceiling's to say.
 */
export function checkPromise(environment: Environment, constants: Constants = measuredConstants): void {
  const short = (Object.entries(environment.carries ?? {}) as [keyof Carried, number | undefined][]).flatMap(
    ([kind, given]) => {
      const least = given === undefined ? undefined : tooSmall(environment, kind, given, constants);
      if (given === undefined || !least) return [];
      return [
        `carries.${kind}: given ${given}, computed ${Math.floor(least.value)} (${least.part}, at most replicas); ` +
          advice(environment, kind, given, constants),
      ];
    },
  );
  if (short.length > 0)
    throw new Error(`environment '${environment.name}' promises what it does not carry:\n${short.join('\n')}`);
}

/** The smallest of the limits that are below the promise. */
const tooSmall = (
  environment: Environment,
  kind: keyof Carried,
  given: number,
  constants: Constants,
): Limit | undefined =>
  limitsOf(environment, 'max', defaultHabits, constants)
    .filter(({ bounds, value }) => bounds === kind && value < given)
    .toSorted((a, b) => a.value - b.value)[0];

function advice(environment: Environment, kind: keyof Carried, given: number, constants: Constants): string {
  let changed = environment;
  const tiers = new Set<ServiceName>();
  for (;;) {
    const least = tooSmall(changed, kind, given, constants);
    if (!least) break;
    const [place, ...others] = least.tier ? placementsOf(changed, least.tier) : [];
    if (!place || !least.tier || place.replicas.max >= replicasMax)
      return `no number of replicas fits: raise ${least.part}, or promise less`;
    tiers.add(least.tier);
    const more = { ...place, replicas: { ...place.replicas, max: place.replicas.max + 1 } };
    changed = { ...changed, tiers: { ...changed.tiers, [least.tier]: [more, ...others] } };
  }
  const most = (from: Environment, tier: ServiceName) => placementsOf(from, tier)[0]?.replicas.max;
  const changes = [...tiers].map(
    (tier) => `${tier}: replicas at most ${most(environment, tier)} -> ${most(changed, tier)}`,
  );
  return `nearest change that fits: ${changes.join('; ')}`;
}
