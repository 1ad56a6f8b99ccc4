/**
 * What an environment has in a cluster before its first tier: a namespace that admits restricted pods alone, whose quota
 * is the sum of the budgets, in which nothing may talk to anything, and the order in which tiers give way.
 */
import type { TerraformResource } from 'cdktf';
import { Construct } from 'constructs';
import { kubernetesQuota } from '../../../environments/budget/kubernetes-nodes.ts';
import type { Placement } from '../../../environments/schema/placement.ts';
import type { TierProfile } from '../../../services/definition.ts';
import { lazy } from '../../lazy.ts';
import { priorityClass } from './pod.ts';

export interface NamespaceProps {
  /** @example 'bulkhead-dev' */
  readonly prefix: string;
  /** Version of the Pod Security Standard, as the cluster's own. @example '1.34' */
  readonly version: string;
  /** Placements on Kubernetes. */
  readonly placements: readonly Placement[];
}

/** Who goes first when a node is short of room, by what its work is like. Below every class of the system's own. */
export const priorities: Readonly<Record<TierProfile['workload'], number>> = {
  interactive: 3000,
  sustained: 2000,
  batch: 1000,
};

export class Namespace extends Construct {
  readonly name: string;
  /** There before anything of a tier. */
  readonly resources: readonly TerraformResource[];

  constructor(scope: Construct, id: string, { prefix, version, placements }: NamespaceProps) {
    super(scope, id);
    const levels = ['enforce', 'audit', 'warn'].flatMap((mode) => [
      [`pod-security.kubernetes.io/${mode}`, 'restricted'],
      [`pod-security.kubernetes.io/${mode}-version`, `v${version}`],
    ]);
    const namespace = new lazy.NamespaceV1(this, 'namespace', {
      metadata: {
        name: prefix,
        labels: {
          ...Object.fromEntries(levels),
          'app.kubernetes.io/part-of': 'bulkhead',
          // A pod is ready only when the balancer sends it requests, so that a rollout waits for that.
          'elbv2.k8s.aws/pod-readiness-gate-inject': 'enabled',
        },
      },
    });
    this.name = prefix;
    const metadata = (name: string) => ({ name, namespace: prefix });
    const dependsOn = [namespace];
    const classes = Object.entries(priorities).map(
      ([workload, value]) =>
        new lazy.PriorityClassV1(this, `priority-${workload}`, {
          metadata: { name: priorityClass(prefix, workload) },
          value,
          description: `${workload} tiers of ${prefix}`,
          // Waits for room instead of stopping another tier's pods.
          preemptionPolicy: 'Never',
        }),
    );
    const { cpu, memory, pods } = kubernetesQuota(placements);
    const quota = new lazy.ResourceQuotaV1(this, 'quota', {
      metadata: metadata('budgets'),
      spec: {
        hard: {
          'requests.cpu': cpu,
          'limits.cpu': cpu,
          'requests.memory': memory,
          'limits.memory': memory,
          pods: String(pods),
          // What nobody here makes: addresses and disks that cost money on their own.
          'services.loadbalancers': '0',
          'services.nodeports': '0',
          persistentvolumeclaims: '0',
        },
      },
      dependsOn,
    });
    const limits = new lazy.LimitRangeV1(this, 'limits', {
      metadata: metadata('guaranteed'),
      spec: {
        // Requests equal to limits: whatever runs here is of the Guaranteed class.
        limit: [{ type: 'Container', maxLimitRequestRatio: { cpu: '1', memory: '1' } }],
      },
      dependsOn,
    });
    const deny = new lazy.NetworkPolicyV1(this, 'deny', {
      metadata: metadata('default-deny'),
      spec: {
        podSelector: {},
        policyTypes: ['Ingress', 'Egress'],
        // The one thing that every pod may ask.
        egress: [
          {
            to: [
              {
                namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
                podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
              },
            ],
            ports: ['UDP', 'TCP'].map((protocol) => ({ protocol, port: '53' })),
          },
        ],
      },
      dependsOn,
    });
    this.resources = [namespace, ...classes, quota, limits, deny];
  }
}
