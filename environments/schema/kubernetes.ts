/** The `kubernetes` block of an environment: which cluster its tiers may run in. */
import { z } from 'zod';
import { nodeCapacity, nodesFor, nodesMin, nodeType, tooLarge } from '../budget/kubernetes-nodes.ts';
import type { Aws } from './aws.ts';
import type { Placement } from './placement.ts';

/** Oldest to newest; manifests are checked against the schemas of both ends. */
export const kubernetesVersions = ['1.33', '1.34', '1.35'] as const;

const cidr = z.string().regex(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, "must be a block of addresses, as in '10.20.0.0/16'");

/** In place of a cluster's name: the environment has one made for itself. */
const ownCluster = 'make';

export const kubernetesSchema = z.strictObject({
  /** Name of an EKS cluster that is there, in a network that reaches this one; or 'make': one of its own, made with it. */
  cluster: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, "must be the name of an EKS cluster, or 'make'"),
  /** Addresses of the pods of a cluster that is there; stores and balancers admit them. @example '10.20.0.0/16' */
  podCidr: cidr.optional(),
  /**
   * Who reaches the API of a cluster made here over the internet, whoever deploys among them; `[]`: its own network alone.
   * @example ['203.0.113.7/32']
   */
  apiCidrs: z.array(cidr).max(40).optional(),
  /** Roles or users that may do everything in a cluster made here, beside who makes it. @default [] */
  adminArns: z.array(z.string().startsWith('arn:aws:iam::')).default([]),
  /** Nodes of a cluster made here. @default as many as the budgets need */
  nodes: z.int().positive().max(100).optional(),
  /** Of the cluster. @default '1.34' */
  version: z.enum(kubernetesVersions).default('1.34'),
  /** Type of the nodes; one that does not burst: a budget is held for ever. @default 'm7g.large', 'm7i.large' on x86_64 */
  instanceType: z.string().min(1).optional(),
  /** Raised by one after a secret got a new value: pods are then replaced and read it. @default 1 */
  secretsRevision: z.int().min(1).default(1),
  /**
   * Whether an adapter in the cluster offers CloudWatch's figures as external metrics. Without one an autoscaler that asks
   * for them adds pods and never takes one away; tiers then scale on CPU alone. @default false
   */
  externalMetrics: z.boolean().default(false),
});

export type KubernetesSettings = z.output<typeof kubernetesSchema>;

type KubernetesAws = Pick<Aws, 'architecture' | 'nat'>;
type Of = {
  readonly aws?: KubernetesAws | undefined;
  readonly kubernetes?: KubernetesSettings | undefined;
  readonly tiers: Readonly<Record<string, readonly Placement[] | undefined>>;
};

/** Whether the environment has a cluster made for itself. */
export const hasOwnCluster = <E extends Pick<Of, 'kubernetes'>>(
  environment: E,
): environment is E & { readonly kubernetes: KubernetesSettings } => environment.kubernetes?.cluster === ownCluster;

/** Placements on Kubernetes, each with its tier. */
export const onKubernetes = ({ tiers }: Pick<Of, 'tiers'>): { tier: string; placement: Placement }[] =>
  Object.entries(tiers).flatMap(([tier, places = []]) =>
    places.flatMap((placement) => (placement.platform === 'kubernetes' ? [{ tier, placement }] : [])),
  );

const defaultType = { arm64: 'm7g.large', x86_64: 'm7i.large' } as const;

/** Nodes of an environment, as its cost and its cluster see them. */
export function kubernetesNodes(
  kubernetes: KubernetesSettings,
  architecture: Aws['architecture'],
): { instanceType: string; nodes: number | undefined; ownCluster: boolean } {
  const { instanceType = defaultType[architecture], nodes } = kubernetes;
  // A cluster that others pay: tiers take their share of its nodes.
  const own = hasOwnCluster({ kubernetes });
  return { instanceType, ownCluster: own, nodes: own ? nodes : 0 };
}

type KubernetesFault = { path: (string | number)[]; message: string };
const fault = (path: (string | number)[], message: string): KubernetesFault[] => [
  { path: ['kubernetes', ...path], message },
];

/** What is wrong with the block, as path and message. */
export function kubernetesFaults(environment: Of): KubernetesFault[] {
  const { kubernetes, aws } = environment;
  const places = onKubernetes(environment);
  if (!kubernetes)
    return places.length > 0
      ? fault(
          [],
          `missing; '${places[0]?.tier}' is on 'kubernetes': give kubernetes: { cluster: 'name', podCidr: '10.20.0.0/16' }`,
        )
      : [];
  if (!aws) return fault([], "given without an aws block; allowed with target: 'aws'");
  return [...clusterFaults(kubernetes, aws), ...nodeFaults(environment, kubernetes, aws)];
}

/** What only a cluster that is there has, and what only one that is made. */
function clusterFaults(kubernetes: KubernetesSettings, aws: KubernetesAws): KubernetesFault[] {
  const { cluster, podCidr, apiCidrs, adminArns, nodes } = kubernetes;
  if (!hasOwnCluster({ kubernetes }))
    return [
      ...(podCidr ? [] : fault(['podCidr'], `missing; needed with the cluster '${cluster}', as in '10.20.0.0/16'`)),
      ...(['apiCidrs', 'nodes'] as const).flatMap((name) =>
        kubernetes[name] === undefined ? [] : fault([name], ofItsOwner(cluster)),
      ),
      ...(adminArns.length > 0 ? fault(['adminArns'], ofItsOwner(cluster)) : []),
    ];
  const open = apiCidrs?.find((block) => block.endsWith('/0'));
  return [
    ...(podCidr
      ? fault(['podCidr'], `given with cluster 'make', whose pods are in its own network; leave it out`)
      : []),
    ...(apiCidrs
      ? []
      : fault(
          ['apiCidrs'],
          "missing; needed with cluster 'make': who deploys over the internet, as in ['203.0.113.7/32'], or []",
        )),
    ...(open ? fault(['apiCidrs'], `given '${open}', the whole internet; allowed: blocks of whoever deploys`) : []),
    ...(aws.nat === 'none'
      ? fault(['cluster'], "given 'make' with aws.nat 'none'; nodes join and load images over a way out: change either")
      : []),
    ...(nodes === undefined || nodes >= nodesMin ? [] : fault(['nodes'], `given ${nodes}; allowed from ${nodesMin}`)),
  ];
}

const ofItsOwner = (cluster: string) =>
  `given with the cluster '${cluster}', where it is its owner's to say; allowed with cluster: 'make'`;

function nodeFaults(environment: Of, kubernetes: KubernetesSettings, aws: KubernetesAws) {
  const places = onKubernetes(environment);
  const { nodes } = kubernetes;
  const { instanceType } = kubernetesNodes(kubernetes, aws.architecture);
  try {
    const type = nodeType(instanceType);
    if (type.architecture !== aws.architecture)
      return fault(
        ['instanceType'],
        `given '${instanceType}', which is ${type.architecture}; aws.architecture is '${aws.architecture}'`,
      );
    if (type.baselineShare < 1)
      return fault(
        ['instanceType'],
        `given '${instanceType}', which bursts: its pods would share CPU that ends; allowed: c7g, m7g, r7g, m7i, m6i`,
      );
    const room = nodeCapacity(type);
    const large = places.flatMap(({ tier, placement }) =>
      placement.vcpu > room.vcpu || placement.memoryMiB > room.memoryMiB
        ? [{ path: ['tiers', tier], message: tooLarge(placement, instanceType, room) }]
        : [],
    );
    if (large.length > 0 || nodes === undefined) return large;
    const needed = nodesFor(
      places.map(({ placement }) => placement),
      type,
    );
    return nodes < needed
      ? fault(
          ['nodes'],
          `given ${nodes}; the budgets need ${needed} x ${instanceType}: allowed from ${needed}, or lower a budget`,
        )
      : [];
  } catch (error) {
    return fault(['instanceType'], (error as Error).message);
  }
}
