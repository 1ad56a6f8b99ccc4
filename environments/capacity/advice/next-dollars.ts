/** Of all single additions to an environment, which carries most per dollar. */
import type { ServiceName } from '../../../services/manifest.ts';
import { allFargateSizes, budgetOf } from '../../budget/budget.ts';
import { nodesOf } from '../../budget/kubernetes-nodes.ts';
import type { Environment } from '../../environment.ts';
import type { CostedEnvironment } from '../../pricing/costed-environment.ts';
import { environmentMonthlyUsd } from '../../pricing/environment-cost.ts';
import { totalUsd } from '../../pricing/lines.ts';
import { hasOwnCluster, kubernetesNodes, onKubernetes } from '../../schema/kubernetes.ts';
import { type Placement, replicasMax } from '../../schema/placement.ts';
import { type Carried, type Constants, carriedOf, defaultHabits } from '../model.ts';

export interface Purchase {
  readonly bounds: keyof Carried;
  /** @example 'chat: replicas at most 2 -> 3' */
  readonly change: string;
  readonly monthlyUsd: number;
  readonly before: number;
  readonly after: number;
  /** Share of `before` that 10 dollars a month of it add. */
  readonly sharePer10Usd: number;
}

/** For each kind of load the addition that raises it most per dollar; none where no single one raises it. */
export function nextPurchases(
  environment: Environment,
  costed: CostedEnvironment,
  constants?: Constants,
): readonly Purchase[] {
  const carriedBy = (tiers: Environment['tiers']) =>
    carriedOf({ ...environment, tiers }, 'max', defaultHabits, constants);
  const usdOf = (tiers: Environment['tiers']) =>
    totalUsd(environmentMonthlyUsd({ ...costed, tiers: tiers as CostedEnvironment['tiers'] }));
  const before = carriedBy(environment.tiers);
  const beforeUsd = usdOf({ ...environment.tiers, ...costed.tiers });
  const purchases = (Object.entries(costed.tiers) as [ServiceName, readonly Placement[]][]).flatMap(
    ([tier, [place, ...others]]) =>
      place === undefined
        ? []
        : additions(place).flatMap(({ change, placement }) => {
            const tiers = { ...environment.tiers, [tier]: [placement, ...others] };
            if (!nodesTake({ ...environment, tiers })) return [];
            const monthlyUsd = usdOf(tiers) - beforeUsd;
            const after = carriedBy(tiers);
            return (Object.keys(before) as (keyof Carried)[])
              .filter((bounds) => after[bounds] > before[bounds])
              .map((bounds) => ({
                bounds,
                change: `${tier}: ${change}`,
                monthlyUsd,
                before: before[bounds],
                after: after[bounds],
                sharePer10Usd: ((after[bounds] / before[bounds] - 1) * 10) / monthlyUsd,
              }));
          }),
  );
  return (Object.keys(before) as (keyof Carried)[]).flatMap((kind) =>
    purchases
      .filter(({ bounds }) => bounds === kind)
      .toSorted((a, b) => b.sharePer10Usd - a.sharePer10Usd)
      .slice(0, 1),
  );
}

/** Nodes that are there cost nothing more; but synth refuses fewer than the budgets need. */
function nodesTake(environment: Environment): boolean {
  if (!hasOwnCluster(environment) || !environment.aws) return true;
  const { instanceType, nodes } = kubernetesNodes(environment.kubernetes, environment.aws.architecture);
  const pods = onKubernetes(environment).map(({ placement }) => placement);
  return nodes === undefined || nodes >= nodesOf({ instanceType }, pods);
}

function additions(placement: Placement): { change: string; placement: Placement }[] {
  const { min, max } = placement.replicas;
  const { vcpu, memoryMiB } = placement;
  const larger =
    placement.platform === 'ecs'
      ? allFargateSizes.map(budgetOf).find((size) => size.vcpu > vcpu && size.memoryMiB >= memoryMiB)
      : undefined;
  return [
    ...(max < replicasMax
      ? [
          {
            change: `replicas at most ${max} -> ${max + 1}`,
            placement: { ...placement, replicas: { min, max: max + 1 } },
          },
        ]
      : []),
    ...(larger
      ? [
          {
            change: `vcpu ${vcpu}, memoryMiB ${memoryMiB} -> vcpu ${larger.vcpu}, memoryMiB ${larger.memoryMiB}`,
            placement: { ...placement, ...larger },
          },
        ]
      : []),
  ];
}
