/**
 * The single changes that make an environment cheaper and take no function away, though some take redundancy or speed:
 * fewer replicas, the next smaller budget, another platform, a cheaper way out, no standby, smaller stores. Each is
 * computed by the same cost functions as the environment itself. Whether a tier can live with less is for people to say.
 */

import { allFargateSizes, type Budget, budgetOf, capacityOf, instanceFor, instancesIn } from '../budget/budget.ts';
import type { NatChoice } from '../schema/aws.ts';
import { type Placement, platforms } from '../schema/placement.ts';
import type { Alternative } from './ceiling.ts';
import type { At, CostedAws, CostedEnvironment } from './costed-environment.ts';
import { environmentMonthlyUsd } from './environment-cost.ts';
import { totalUsd } from './lines.ts';
import { price, priceRows } from './prices/prices.ts';

/** Changes that cost less than the environment, each with those that could follow. */
export function alternativesFor(environment: CostedEnvironment, at: At = 'max'): readonly Alternative[] {
  const before = totalUsd(environmentMonthlyUsd(environment, at));
  return steps(environment).flatMap(({ change, environment: changed }) => {
    const lines = attempt(() => environmentMonthlyUsd(changed, at));
    if (!lines || totalUsd(lines) >= before) return [];
    return [{ change, lines, next: () => alternativesFor(changed, at) }];
  });
}

interface Step {
  readonly change: string;
  readonly environment: CostedEnvironment;
}

function steps(environment: CostedEnvironment): Step[] {
  const { tiers, aws } = environment;
  const tierSteps = Object.entries(tiers).flatMap(([tier, placements]) =>
    placements.flatMap((placement, index) =>
      placementSteps(placement, aws).map(({ change, placement: changed }) => ({
        change: `${tier}: ${change}`,
        environment: { ...environment, tiers: { ...tiers, [tier]: placements.with(index, changed) } },
      })),
    ),
  );
  const awsSteps = sharedSteps(aws).map(({ change, aws: changed }) => ({
    change,
    environment: { ...environment, aws: changed },
  }));
  return [...tierSteps, ...awsSteps];
}

interface PlacementStep {
  readonly change: string;
  readonly placement: Placement;
}

function placementSteps(placement: Placement, aws: CostedAws): PlacementStep[] {
  const { replicas, platform } = placement;
  const { min, max } = replicas;
  const fewer = Array.from({ length: max - min }, (_, index) => ({
    change: `replicas at most ${max} -> ${max - 1 - index}`,
    placement: { ...placement, replicas: { min, max: max - 1 - index } },
  }));
  // One replica is the least that is always on.
  const fixed = Array.from({ length: min === max ? max - 1 : 0 }, (_, index) => ({
    change: `replicas ${max} -> ${max - 1 - index}`,
    placement: { ...placement, replicas: { min: max - 1 - index, max: max - 1 - index } },
  }));
  const budgets = smallerBudgets(placement, aws).map((budget) => ({
    change: `vcpu ${placement.vcpu}, memoryMiB ${placement.memoryMiB} -> vcpu ${budget.vcpu}, memoryMiB ${budget.memoryMiB}`,
    placement: { ...placement, ...budget },
  }));
  // One that the environment has no nodes for has no price, and is no alternative.
  const others = platforms
    .filter((other) => platform !== 'local' && other !== 'local' && other !== platform)
    .map((other) => ({
      change: `platform '${platform}' -> '${other}'`,
      placement: { ...placement, platform: other, spotPercent: other === 'ecs' ? placement.spotPercent : 0 },
    }));
  return [...fewer, ...fixed, ...budgets, ...others];
}

/** The next smaller size of the platform, in CPU and in memory. */
function smallerBudgets({ platform, vcpu, memoryMiB }: Placement, { region, architecture }: CostedAws): Budget[] {
  if (platform === 'ecs') {
    const sizes = allFargateSizes.map(budgetOf);
    return present([
      sizes.findLast((size) => size.vcpu === vcpu && size.memoryMiB < memoryMiB),
      sizes.findLast((size) => size.vcpu < vcpu && size.memoryMiB === memoryMiB),
      sizes.findLast((size) => size.vcpu < vcpu && size.memoryMiB < memoryMiB),
    ]);
  }
  if (platform !== 'vm') return [];
  const current = instanceFor({ vcpu, memoryMiB }, region, { architecture });
  const hourly = (name: string) => price(`ec2/${name}`, region).amountUsd;
  return (
    instancesIn(region, architecture)
      .filter(({ name }) => hourly(name) < hourly(current.instanceType))
      .map(capacityOf)
      .map((capacity) => ({
        vcpu: Math.min(vcpu, capacity.vcpu),
        memoryMiB: Math.min(memoryMiB, capacity.memoryMiB),
      }))
      // Below half of either it is another tier, not the next smaller one.
      .filter((budget) => budget.vcpu >= vcpu / 2 && budget.memoryMiB >= memoryMiB / 2)
      .slice(-1)
  );
}

/** Never to 'none': that takes the way to external models away. */
const cheaperNat: Record<NatChoice, readonly NatChoice[]> = {
  'per-az': ['single', 'instance'],
  single: ['instance'],
  instance: [],
  none: [],
};

function sharedSteps(aws: CostedAws): { change: string; aws: CostedAws }[] {
  const { nat, postgres, redis, architecture } = aws;
  const classes = smaller('rds', postgres.instanceClass, '', aws.region);
  const nodeTypes = smaller('elasticache', redis.nodeType, `/${redis.engine ?? 'valkey'}`, aws.region);
  return [
    ...cheaperNat[nat].map((choice) => ({ change: `nat '${nat}' -> '${choice}'`, aws: { ...aws, nat: choice } })),
    ...(postgres.multiAz
      ? [{ change: 'postgres: multiAz true -> false', aws: { ...aws, postgres: { ...postgres, multiAz: false } } }]
      : []),
    ...classes.map((instanceClass) => ({
      change: `postgres: instanceClass '${postgres.instanceClass}' -> '${instanceClass}'`,
      aws: { ...aws, postgres: { ...postgres, instanceClass } },
    })),
    ...(redis.nodes > 1
      ? [{ change: `redis: nodes ${redis.nodes} -> 1`, aws: { ...aws, redis: { ...redis, nodes: 1 } } }]
      : []),
    ...nodeTypes.map((nodeType) => ({
      change: `redis: nodeType '${redis.nodeType}' -> '${nodeType}'`,
      aws: { ...aws, redis: { ...redis, nodeType } },
    })),
    ...(architecture === 'x86_64'
      ? [{ change: "architecture 'x86_64' -> 'arm64'", aws: { ...aws, architecture: 'arm64' as const } }]
      : []),
  ];
}

/** The next cheaper class or node type of a store, if there is one. */
function smaller(store: 'rds' | 'elasticache', current: string, suffix: string, region: string): string[] {
  const now = price(`${store}/${current}${suffix}`, region).amountUsd;
  return priceRows
    .filter((row) => row.region === region && row.unit === price(`${store}/${current}${suffix}`, region).unit)
    .filter((row) => row.item.startsWith(`${store}/`) && row.item.split('/').slice(2).join('/') === suffix.slice(1))
    .filter((row) => row.amountUsd < now)
    .toSorted((a, b) => b.amountUsd - a.amountUsd)
    .slice(0, 1)
    .map((row) => row.item.split('/')[1] ?? current);
}

const present = <T>(values: readonly (T | undefined)[]): T[] => values.filter((value) => value !== undefined);

/** A step to what is not a valid configuration, or has no price, is no alternative. */
export function attempt<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch {
    return undefined;
  }
}
