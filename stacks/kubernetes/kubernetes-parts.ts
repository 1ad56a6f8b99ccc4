/** What the service stack holds for tiers on Kubernetes beside the tiers themselves. */
import { EksPodIdentityAssociation } from '@cdktf/provider-aws/lib/eks-pod-identity-association/index.js';
import { Construct } from 'constructs';
import { collectorAccount, collectorNamespace } from '../../constructs/platforms/kubernetes/log-collector.ts';
import { NodeRules } from '../../constructs/platforms/kubernetes/node-rules.ts';
import { podIdentity, Role } from '../../constructs/tier/role.ts';
import type { KubernetesContext } from '../../constructs/tier/tier-props.ts';
import { rotationCount } from '../../environments/schema/secret-versions.ts';
import type { Edge } from '../../environments/wiring/connections.ts';
import { definitionOf, type Egress, type ServiceName } from '../../services/manifest.ts';
import type { AwsEnvironment } from '../base-stack.ts';
import type { FoundationStack } from '../foundation-stack.ts';
import type { ClusterStack } from './cluster-stack.ts';
import type { KubernetesStack } from './kubernetes-stack.ts';

const portOf = (service: string) => definitionOf(service as ServiceName).port;

export function kubernetesContext(
  stack: KubernetesStack,
  environment: AwsEnvironment,
  { network }: FoundationStack,
  egressPorts: (environment: AwsEnvironment, to: Egress) => readonly number[],
): KubernetesContext {
  const { blocks } = network;
  return {
    scope: stack,
    cluster: stack.cluster,
    namespace: stack.namespace.name,
    after: stack.namespace.resources,
    blocks: {
      network: network.cidr,
      publicBalancer: blocks.public,
      internalBalancer: blocks.private,
      stores: blocks.data,
    },
    portOf,
    egressPorts: (to) => egressPorts(environment, to as Egress),
    secretsRevision: stack.settings.secretsRevision + rotationCount(environment.aws.secretVersions),
    externalMetrics: stack.settings.externalMetrics,
  };
}

export interface KubernetesPartsProps {
  readonly stack: KubernetesStack;
  readonly prefix: string;
  readonly accountId: string;
  /** Log groups of the tiers there. */
  readonly logGroupArns: readonly string[];
  readonly edges: readonly Edge[];
  readonly publicBalancer: string;
  readonly internalBalancer: string | undefined;
  readonly foundation: FoundationStack;
  /** A cluster made for this environment. */
  readonly own: ClusterStack | undefined;
}

/** The nodes' way to stores and balancers, and the right to write the tiers' logs. Nothing while no tier runs there. */
export class KubernetesParts extends Construct {
  constructor(scope: Construct, id: string, props: KubernetesPartsProps) {
    super(scope, id);
    const { stack, prefix, accountId, foundation } = props;
    if (stack.tierNames.length === 0) return;
    new NodeRules(this, 'rules', {
      edges: props.edges,
      tiers: stack.tierNames,
      portOf,
      pods: props.own ? { nodeGroupId: props.own.nodeGroupId } : { cidr: stack.settings.podCidr ?? '' },
      publicBalancer: props.publicBalancer,
      internalBalancer: props.internalBalancer,
      postgres: foundation.postgres.securityGroupId,
      redis: foundation.redis.securityGroupId,
    });
    const role = new Role(this, 'log-role', {
      name: `${prefix}-kubernetes-logs`,
      assumedBy: { service: podIdentity },
      accountId,
      statements: [
        {
          actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
          resources: props.logGroupArns.map((arn) => `${arn}:*`),
        },
      ],
    });
    new EksPodIdentityAssociation(this, 'log-identity', {
      clusterName: stack.cluster,
      namespace: collectorNamespace(stack.namespace.name),
      serviceAccount: collectorAccount,
      roleArn: role.arn,
    });
  }
}
