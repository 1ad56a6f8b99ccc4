/** The `kubernetes` block of an environment: which cluster its tiers may run in. */
import { z } from 'zod';
import { nodeCapacity, nodeType, tooLarge } from '../budget/kubernetes-nodes.ts';
import type { Aws } from './aws.ts';
import type { Placement } from './placement.ts';

/** Oldest to newest; manifests are checked against the schemas of both ends. */
export const kubernetesVersions = ['1.33', '1.34', '1.35'] as const;

const cidr = z.string().regex(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, "must be a block of addresses, as in '10.20.0.0/16'");

export const kubernetesSchema = z.strictObject({
  /** Name of an EKS cluster that is there, in a network that reaches this one. */
  cluster: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, 'must be the name of an EKS cluster'),
  /** Addresses of its pods; stores and balancers admit them. @example '10.20.0.0/16' */
  podCidr: cidr,
  /** Of the cluster. @default '1.34' */
  version: z.enum(kubernetesVersions).default('1.34'),
  /** Type of the nodes; one that does not burst: a budget is held for ever. @default 'm7g.large', 'm7i.large' on x86_64 */
  instanceType: z.string().min(1).optional(),
  /** Raised by one after a secret got a new value: pods are then replaced and read it. @default 1 */
  secretsRevision: z.int().min(1).default(1),
});

export type KubernetesSettings = z.output<typeof kubernetesSchema>;

type Of = {
  readonly aws?: Pick<Aws, 'architecture'> | undefined;
  readonly kubernetes?: KubernetesSettings | undefined;
  readonly tiers: Readonly<Record<string, readonly Placement[] | undefined>>;
};

/** Placements on Kubernetes, each with its tier. */
export const onKubernetes = ({ tiers }: Pick<Of, 'tiers'>): { tier: string; placement: Placement }[] =>
  Object.entries(tiers).flatMap(([tier, places = []]) =>
    places.flatMap((placement) => (placement.platform === 'kubernetes' ? [{ tier, placement }] : [])),
  );

/** Nodes of an environment, as its cost and its cluster see them; undefined where it names no cluster. */
export function kubernetesNodes(
  environment: Of,
): { instanceType: string; nodes: number; ownCluster: boolean } | undefined {
  const { kubernetes, aws } = environment;
  if (!kubernetes) return undefined;
  const { instanceType = aws?.architecture === 'x86_64' ? 'm7i.large' : 'm7g.large' } = kubernetes;
  // A cluster that others pay: tiers take their share of its nodes.
  return { instanceType, ownCluster: false, nodes: 0 };
}

/** What is wrong with the block, as path and message. */
export function kubernetesFaults(environment: Of): { path: (string | number)[]; message: string }[] {
  const { kubernetes, aws } = environment;
  const places = onKubernetes(environment);
  const fault = (path: (string | number)[], message: string) => [{ path: ['kubernetes', ...path], message }];
  if (!kubernetes)
    return places.length > 0
      ? fault(
          [],
          `missing; '${places[0]?.tier}' is on 'kubernetes': give kubernetes: { cluster: 'name', podCidr: '10.20.0.0/16' }`,
        )
      : [];
  if (!aws) return fault([], "given without an aws block; allowed with target: 'aws'");
  try {
    const { instanceType = aws.architecture === 'x86_64' ? 'm7i.large' : 'm7g.large' } = kubernetes;
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
    return places.flatMap(({ tier, placement }) =>
      placement.vcpu > room.vcpu || placement.memoryMiB > room.memoryMiB
        ? [{ path: ['tiers', tier], message: tooLarge(placement, instanceType, room) }]
        : [],
    );
  } catch (error) {
    return fault(['instanceType'], (error as Error).message);
  }
}
