/** Turned round: the cheapest environment that carries a load. */
import { serviceNames } from '../../../services/manifest.ts';
import { allFargateSizes, budgetOf } from '../../budget/budget.ts';
import type { Environment } from '../../environment.ts';
import { attempt } from '../../pricing/alternatives.ts';
import type { CostedEnvironment } from '../../pricing/costed-environment.ts';
import { environmentMonthlyUsd } from '../../pricing/environment-cost.ts';
import { totalUsd } from '../../pricing/lines.ts';
import { priceRows } from '../../pricing/prices/prices.ts';
import { tierMonthlyUsd } from '../../pricing/tier-cost.ts';
import type { Placement } from '../../schema/placement.ts';
import { type Carried, type Constants, defaultHabits, measuredConstants } from '../model.ts';
import { limitsOf } from '../parts/limits.ts';

export interface Cheapest {
  readonly tiers: Readonly<Record<string, readonly Placement[]>>;
  readonly monthlyUsd: number;
}

/** More are another design: brains would be spread over several environments. */
const replicasMax = 40;
const platforms = ['ecs', 'vm'] as const;

/**
 * Of each tier the cheapest placement that carries the load, never below the memory that it has in `base`. The tiers
 * share nothing, so the cheapest of each are the cheapest of all; the stores stay as `base` has them.
 *
 * @throws Error where no size and number of a tier carries it
 */
export function cheapestTiers(
  base: Environment,
  costed: CostedEnvironment,
  load: Carried,
  constants: Constants = measuredConstants,
): Cheapest {
  const tiers = Object.fromEntries(
    serviceNames.flatMap((tier) => {
      const [given] = base.tiers[tier] ?? [];
      if (!given) return [];
      const fits = (placement: Placement) =>
        limitsOf({ ...base, tiers: { ...base.tiers, [tier]: [placement] } }, 'max', defaultHabits, constants)
          .filter((limit) => limit.tier === tier)
          .every(({ bounds, value }) => value >= load[bounds]);
      return [[tier, [cheapest(tier, given, costed, fits)]]];
    }),
  );
  return { tiers, monthlyUsd: totalUsd(environmentMonthlyUsd({ ...costed, tiers })) };
}

function cheapest(
  tier: string,
  given: Placement,
  costed: CostedEnvironment,
  fits: (placement: Placement) => boolean,
): Placement {
  const { aws, kubernetes, usage } = costed;
  const budgets = [given, ...allFargateSizes.map(budgetOf)].filter(({ memoryMiB }) => memoryMiB >= given.memoryMiB);
  let best: { placement: Placement; usd: number } | undefined;
  for (const platform of platforms)
    for (const { vcpu, memoryMiB } of budgets)
      for (let count = 1; count <= replicasMax; count += 1) {
        const replicas = { min: count, max: count };
        const placement = { ...given, platform, vcpu, memoryMiB, replicas, spotPercent: 0 };
        const usd = attempt(() => totalUsd(tierMonthlyUsd(tier, placement, { aws, kubernetes, usage }, 'max')));
        // More replicas cost more still.
        if (usd === undefined || (best && usd >= best.usd)) break;
        if (!fits(placement)) continue;
        best = { placement, usd };
        break;
      }
  if (!best) throw new Error(`no size of ${tier} carries it with ${replicasMax} replicas: ask for less`);
  return best.placement;
}

/** The classes of the database, the cheapest first. */
export const instanceClasses = (region: string): string[] =>
  priceRows
    .filter((row) => row.region === region && /^rds\/db\.[^/]+$/.test(row.item))
    .toSorted((a, b) => a.amountUsd - b.amountUsd)
    .map(({ item }) => item.slice('rds/'.length));
