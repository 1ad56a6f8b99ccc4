/**
 * What the nodes of a cluster may reach, and who may reach them, as security-group rules. Pods are known by their
 * addresses, or by the group of their nodes, so these rules are of all tiers together; what a single tier may is its
 * network policy. The way from the balancers into the group of a cluster of others is its owner's to open.
 */
import { VpcSecurityGroupEgressRule } from '@cdktf/provider-aws/lib/vpc-security-group-egress-rule/index.js';
import { VpcSecurityGroupIngressRule } from '@cdktf/provider-aws/lib/vpc-security-group-ingress-rule/index.js';
import { Construct } from 'constructs';
import type { Edge } from '../../../environments/wiring/connections.ts';
import { postgresPort } from '../../stores/postgres.ts';
import { redisPort } from '../../stores/redis.ts';

export interface NodeRulesProps {
  /** Edges of the environment; those of tiers on Kubernetes count. */
  readonly edges: readonly Edge[];
  /** Tiers on Kubernetes. */
  readonly tiers: readonly string[];
  readonly portOf: (service: string) => number;
  /** Addresses of the pods of a cluster of others; the group of the nodes of an own one. */
  readonly pods: { readonly cidr: string } | { readonly nodeGroupId: string };
  readonly publicBalancer: string;
  readonly internalBalancer: string | undefined;
  readonly postgres: string;
  readonly redis: string;
}

const storePorts = { postgres: postgresPort, redis: redisPort };

export class NodeRules extends Construct {
  private readonly pods: NodeRulesProps['pods'];

  constructor(scope: Construct, id: string, props: NodeRulesProps) {
    super(scope, id);
    this.pods = props.pods;
    const { tiers, edges, portOf, publicBalancer, internalBalancer } = props;
    for (const edge of edges) {
      if (edge.kind === 'public' && tiers.includes(edge.to))
        this.fromBalancer(`public-to-${edge.to}`, publicBalancer, portOf(edge.to));
      if (edge.kind === 'call' && internalBalancer) {
        if (tiers.includes(edge.to)) this.fromBalancer(`internal-to-${edge.to}`, internalBalancer, portOf(edge.to));
        if (tiers.includes(edge.from)) this.toGroup(`nodes-to-internal-${edge.to}`, internalBalancer, portOf(edge.to));
      }
      if (edge.kind === 'use' && edge.store !== 'document-store' && tiers.includes(edge.from))
        this.toGroup(`nodes-to-${edge.store}`, props[edge.store], storePorts[edge.store]);
    }
  }

  /** Edges of several tiers may be one rule. */
  private once(id: string, make: () => void): void {
    if (!this.node.tryFindChild(id)) make();
  }

  private fromBalancer(id: string, balancer: string, port: number): void {
    const { pods } = this;
    this.once(`${id}-out`, () => {
      new VpcSecurityGroupEgressRule(this, `${id}-out`, { securityGroupId: balancer, ...peer(pods), ...tcp(port, id) });
      if ('nodeGroupId' in pods)
        new VpcSecurityGroupIngressRule(this, `${id}-in`, {
          securityGroupId: pods.nodeGroupId,
          referencedSecurityGroupId: balancer,
          ...tcp(port, id),
        });
    });
  }

  /** Nodes may open any connection; which of a pod's are let through says its network policy. */
  private toGroup(id: string, securityGroupId: string, port: number): void {
    this.once(`${id}-in`, () => {
      new VpcSecurityGroupIngressRule(this, `${id}-in`, { securityGroupId, ...peer(this.pods), ...tcp(port, id) });
    });
  }
}

const peer = (pods: NodeRulesProps['pods']) =>
  'cidr' in pods ? { cidrIpv4: pods.cidr } : { referencedSecurityGroupId: pods.nodeGroupId };

const tcp = (port: number, id: string) => ({
  ipProtocol: 'tcp',
  fromPort: port,
  toPort: port,
  description: id.replaceAll('-', ' '),
  tags: { Name: id },
});
