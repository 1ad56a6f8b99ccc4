/** What a node leaves to pods, and what an environment asks of its namespace. Pure. */
import type { Placement } from '../schema/placement.ts';
import { type Budget, kubernetesResources } from './budget.ts';
import { guaranteedVcpu, type InstanceType, instanceTypes } from './instance-types.ts';

export { kubernetesResources };

/**
 * Pods that a node of each size takes: addresses of its network cards less one of each, and two that need none.
 * https://github.com/awslabs/amazon-eks-ami/blob/main/templates/shared/runtime/eni-max-pods.txt
 */
const podsMax: Readonly<Record<string, number>> = {
  micro: 4,
  small: 11,
  medium: 8,
  large: 29,
  xlarge: 58,
  '2xlarge': 58,
  '4xlarge': 234,
};
const burstablePodsMax: Readonly<Record<string, number>> = { ...podsMax, medium: 17, large: 35 };

/** Ships the logs of a node's pods. */
export const logCollectorBudget: Budget = { vcpu: 0.05, memoryMiB: 96 };

/**
 * What runs on every node beside the tiers: the network (50m and about 60 MiB), kube-proxy (100m, about 30 MiB), the
 * agent that hands out roles (about 20 MiB), and the log collector.
 */
const daemonSets: Budget = { vcpu: 0.15 + logCollectorBudget.vcpu, memoryMiB: 128 + logCollectorBudget.memoryMiB };

/** @throws Error for a type whose shape is not known: which are. */
export function nodeType(name: string): InstanceType {
  const found = instanceTypes.find((each) => each.name === name);
  if (found) return found;
  throw new Error(
    `no shape is known for node type '${name}'; allowed: ${instanceTypes.map((each) => each.name).join(', ')}`,
  );
}

/** CPU kept for the system by core: 6 % of the first, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest. */
const reservedVcpu = (vcpu: number): number =>
  Array.from({ length: vcpu }, (_, core) => [0.06, 0.01, 0.005, 0.005][core] ?? 0.0025).reduce(
    (sum, each) => sum + each,
  );

/**
 * What a node leaves to the pods of tiers: of its guaranteed CPU and of its memory less firmware and kernel (1/16), EKS's
 * reserve for kubelet and runtime (255 MiB and 11 for each pod that it may take), the 100 MiB at which it evicts, and the
 * daemon sets. https://docs.aws.amazon.com/eks/latest/userguide/eks-optimized-amis.html, bootstrap of the node's image.
 */
export function nodeCapacity(type: InstanceType): Budget {
  const pods = podsMaxOf(type);
  const vcpu = guaranteedVcpu(type) - reservedVcpu(type.vcpu) - daemonSets.vcpu;
  const memoryMiB = type.memoryMiB - Math.ceil(type.memoryMiB / 16) - (255 + 11 * pods) - 100 - daemonSets.memoryMiB;
  return { vcpu: Math.max(0, Math.floor(vcpu * 1000 + 1e-6) / 1000), memoryMiB: Math.max(0, memoryMiB) };
}

function podsMaxOf(type: InstanceType): number {
  const size = type.name.split('.')[1] ?? '';
  const pods = (type.baselineShare < 1 ? burstablePodsMax : podsMax)[size];
  if (pods === undefined)
    throw new Error(`how many pods a '${type.name}' takes is not known; add it to kubernetes-nodes.ts`);
  return pods;
}

/**
 * Every replica and its successor, as on the other platforms: one that ends counts until it has, for up to two minutes. With
 * room for one more alone, rollouts wait for those, in steps that Kubernetes doubles from refusal to refusal.
 */
const podsOf = ({ replicas }: Placement): number => 2 * replicas.max;

/** The quota of a namespace: the sum of its budgets, with room for the rollouts of all tiers at once. */
export function kubernetesQuota(placements: readonly Placement[]): { cpu: string; memory: string; pods: number } {
  const sum = (of: (placement: Placement) => number) =>
    placements.reduce((total, placement) => total + podsOf(placement) * of(placement), 0);
  return {
    cpu: `${Math.round(sum(({ vcpu }) => vcpu) * 1000)}m`,
    memory: `${sum(({ memoryMiB }) => memoryMiB)}Mi`,
    pods: sum(() => 1),
  };
}

/** Two replicas of the cluster's names, and of the controller that registers pods with balancers; one that measures them. */
const clusterPods: readonly Budget[] = [
  ...[1, 2].map(() => ({ vcpu: 0.1, memoryMiB: 170 })),
  ...[1, 2].map(() => ({ vcpu: 0.1, memoryMiB: 200 })),
  { vcpu: 0.1, memoryMiB: 200 },
];

/** Of every node's places for pods: the network, kube-proxy, the agent of roles, the log collector. */
const daemonPods = 4;

/** A node that is lost leaves one. */
export const nodesMin = 2;

/**
 * Share of a node that a pod takes: of CPU, memory or places for pods, whichever is largest.
 *
 * @throws Error for a pod that is larger than what a node leaves to pods.
 */
export function podShare(pod: Budget, type: InstanceType): number {
  const room = nodeCapacity(type);
  const places = podsMaxOf(type) - daemonPods;
  const share = Math.max(pod.vcpu / room.vcpu, pod.memoryMiB / room.memoryMiB, 1 / places);
  if (pod.vcpu <= room.vcpu && pod.memoryMiB <= room.memoryMiB && places > 0) return share;
  throw new Error(tooLarge(pod, type.name, room));
}

/**
 * Nodes that take every replica, and any one pod more: a rollout never waits for room, wherever the scheduler put the
 * others. A node refuses a pod of share s only when more than 1 - s of it is taken; so nodes of which all pods together
 * take no more than 1 - s each have one that does not refuse. Or there is one more node than pods: then one is empty.
 *
 * @throws Error for a pod that is larger than a node.
 */
export function nodesFor(placements: readonly Placement[], type: InstanceType): number {
  const pods = [
    ...clusterPods,
    ...placements.flatMap((placement) => Array.from({ length: placement.replicas.max }, () => placement)),
  ].map((pod) => podShare(pod, type));
  const largest = Math.max(...pods);
  const taken = pods.reduce((sum, share) => sum + share, 0);
  // 1e-9: sums of fractions.
  const loose = largest < 1 ? Math.ceil(taken / (1 - largest) - 1e-9) : Number.POSITIVE_INFINITY;
  return Math.max(nodesMin, Math.min(loose, pods.length + 1));
}

/**
 * Nodes that an environment has: as many as it says, else as many as its placements on Kubernetes need.
 *
 * @throws Error for a pod that is larger than a node.
 */
export function nodesOf(
  { instanceType, nodes }: { readonly instanceType: string; readonly nodes?: number | undefined },
  placements: readonly Placement[],
): number {
  const onNodes = placements.filter(({ platform }) => platform === 'kubernetes');
  return nodes ?? nodesFor(onNodes, nodeType(instanceType));
}

export const tooLarge = (pod: Budget, instanceType: string, room: Budget): string =>
  `a pod of vcpu ${pod.vcpu}, memoryMiB ${pod.memoryMiB} fits on no ${instanceType}, which leaves ` +
  `vcpu ${room.vcpu}, memoryMiB ${room.memoryMiB}; lower the budget or choose a larger node`;
