/** What one placement of a tier costs in a month. */
import { fargateSize, instanceFor } from '../budget/budget.ts';
import { nodeType, podShare } from '../budget/kubernetes-nodes.ts';
import type { Placement } from '../schema/placement.ts';
import type { At, CostedAws, KubernetesNodes } from './costed-environment.ts';
import { type CostLine, hoursPerMonth, type LineMaker, lineMaker } from './lines.ts';
import { defaultUsage, type Usage, vmVolumeGiB } from './usage.ts';

export interface TierContext {
  readonly aws: Pick<CostedAws, 'region' | 'architecture' | 'logRetentionDays'>;
  readonly kubernetes?: KubernetesNodes | undefined;
  readonly usage?: Partial<Usage> | undefined;
}

/**
 * The lines of one placement: compute, disk, deploys, logs. Processes of a local run cost nothing and have no lines.
 *
 * @throws Error when the budget fits nothing there, or something has no price.
 */
export function tierMonthlyUsd(tier: string, placement: Placement, context: TierContext, at: At): CostLine[] {
  if (placement.platform === 'local') return [];
  const usage = { ...defaultUsage, ...context.usage };
  const line = lineMaker(tier, context.aws.region);
  const replicas = placement.replicas[at];
  const compute = { vm, ecs, kubernetes }[placement.platform];
  return [
    ...compute({ tier, placement, context, replicas, usage, line }),
    line('logs written', replicas * usage.logGbPerReplica, 'logs/ingest'),
    line('logs kept', (replicas * usage.logGbPerReplica * context.aws.logRetentionDays) / 30, 'logs/storage'),
  ];
}

interface Costed {
  readonly tier: string;
  readonly placement: Placement;
  readonly context: TierContext;
  readonly replicas: number;
  readonly usage: Usage;
  readonly line: LineMaker;
}

function vm({ placement, context, replicas, usage, line }: Costed): CostLine[] {
  const { region, architecture } = context.aws;
  const { instanceType } = instanceFor(placement, region, { architecture });
  const item = `ec2/${instanceType}`;
  return [
    line(`${replicas} x ${instanceType}`, replicas * hoursPerMonth, item),
    line(`${replicas} x ${vmVolumeGiB} GiB disk`, replicas * vmVolumeGiB, 'ebs/gp3'),
    // A new group of instances stands beside the old one until it is ready.
    line('instances doubled during deploys', replicas * usage.deployHours, item),
  ];
}

function ecs({ placement, context, replicas, usage, line }: Costed): CostLine[] {
  const { cpuUnits, memoryMiB } = fargateSize(placement);
  const vcpu = cpuUnits / 1024;
  const gib = memoryMiB / 1024;
  const spot = Math.floor((replicas * placement.spotPercent) / 100);
  const { architecture } = context.aws;
  const tasks = (count: number, suffix: '' | '/spot') =>
    count === 0
      ? []
      : [
          line(`${count} x ${vcpu} vCPU${name(suffix)}`, count * vcpu * hoursPerMonth, vcpuItem(suffix)),
          line(`${count} x ${gib} GiB${name(suffix)}`, count * gib * hoursPerMonth, gbItem(suffix)),
        ];
  const vcpuItem = (suffix: string) => `fargate/vcpu/${architecture}${suffix}`;
  const gbItem = (suffix: string) => `fargate/gb/${architecture}${suffix}`;
  return [
    ...tasks(replicas - spot, ''),
    ...tasks(spot, '/spot'),
    // minimum healthy 100 %, maximum 200 %: new tasks are ready before old ones leave.
    line('vCPU doubled during deploys', replicas * vcpu * usage.deployHours, vcpuItem('')),
    line('memory doubled during deploys', replicas * gib * usage.deployHours, gbItem('')),
  ];
}

const name = (suffix: '' | '/spot'): string => (suffix === '' ? '' : ' on spot capacity');

/** A pod costs its share of a node: of CPU, memory or places for pods, whichever is largest. Deploys surge into what the nodes have left. */
function kubernetes({ tier, placement, context, replicas, line }: Costed): CostLine[] {
  if (!context.kubernetes)
    throw new Error(
      `tier ${tier} is on 'kubernetes', but the environment names no nodes; give kubernetes.instanceType, as in 'm7g.large'`,
    );
  const { instanceType } = context.kubernetes;
  const share = nodeShare(placement, instanceType);
  return [
    line(`${replicas} x ${percent(share)} of ${instanceType}`, replicas * share * hoursPerMonth, `ec2/${instanceType}`),
  ];
}

/** @throws Error when one replica is larger than what a node leaves to pods. */
export const nodeShare = (placement: Pick<Placement, 'vcpu' | 'memoryMiB'>, instanceType: string): number =>
  podShare(placement, nodeType(instanceType));

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;
