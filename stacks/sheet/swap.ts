/** `api=vm`: what if a tier ran elsewhere. */
import { type Environment, placementsOf } from '../../environments/environment.ts';
import { type Placement, type Platform, platforms } from '../../environments/schema/placement.ts';
import { type ServiceName, serviceNames } from '../../services/manifest.ts';

export const targets = platforms.filter((platform) => platform !== 'local');

export interface Swap {
  readonly tier: ServiceName;
  readonly platform: Platform;
}

/** @throws Error saying what was given and what is allowed */
export function swapOf(text: string): Swap {
  const [tier, platform, ...rest] = text.split('=');
  const known = serviceNames.find((name) => name === tier);
  const target = targets.find((name) => name === platform);
  if (!known || !target || rest.length > 0)
    throw new Error(
      `given swap '${text}'; allowed: TIER=PLATFORM of ${serviceNames.join(', ')} and ${targets.join(', ')}`,
    );
  return { tier: known, platform: target };
}

/** @throws Error where the environment does not place the tier */
export function swapped(environment: Environment, swaps: readonly Swap[]): Environment {
  const tiers = swaps.map(({ tier, platform }) => {
    const places = placementsOf(environment, tier);
    if (places.length === 0) throw new Error(`environment '${environment.name}' has no tier '${tier}' to swap`);
    const spotPercent = ({ spotPercent: given }: Placement) => (platform === 'ecs' ? given : 0);
    return [tier, places.map((place) => ({ ...place, platform, spotPercent: spotPercent(place) }))];
  });
  return { ...environment, tiers: { ...environment.tiers, ...Object.fromEntries(tiers) } };
}
