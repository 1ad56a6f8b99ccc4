/**
 * What a cluster needs before its first tier, each at a version that was read somewhere: the network with its policies,
 * the agent that hands out roles, names, and what measures pods for autoscaling.
 */
import { EksAddon } from '@cdktf/provider-aws/lib/eks-addon/index.js';
import { EksPodIdentityAssociation } from '@cdktf/provider-aws/lib/eks-pod-identity-association/index.js';
import { IamRolePolicyAttachment } from '@cdktf/provider-aws/lib/iam-role-policy-attachment/index.js';
import type { TerraformResource } from 'cdktf';
import { Construct } from 'constructs';
import type { KubernetesSettings } from '../../environments/schema/kubernetes.ts';
import { podIdentity, Role } from '../tier/role.ts';

type Version = KubernetesSettings['version'];

/**
 * Versions that EKS offers, read on 2026-11-28 in its user guide and in public configurations. What there is today says
 * `aws eks describe-addon-versions --kubernetes-version 1.34 --addon-name coredns`.
 */
const versions = {
  'vpc-cni': 'v1.21.1-eksbuild.7',
  'eks-pod-identity-agent': 'v1.3.10-eksbuild.3',
  coredns: 'v1.13.2-eksbuild.4',
  'metrics-server': 'v0.8.1-eksbuild.2',
} as const;
const proxyVersions: Readonly<Record<Version, string>> = {
  '1.33': 'v1.33.10-eksbuild.2',
  '1.34': 'v1.34.6-eksbuild.2',
  '1.35': 'v1.35.3-eksbuild.2',
};

export interface NetworkAddOnsProps {
  /** Prefix of names. */
  readonly prefix: string;
  /** Name of the cluster, as its resource says it: nothing here is made before. */
  readonly cluster: string;
  readonly accountId: string;
  readonly version: Version;
}

/** There before the first node. Without nodes they are whole at once. */
export class NetworkAddOns extends Construct {
  readonly resources: readonly TerraformResource[];

  constructor(scope: Construct, id: string, { prefix, cluster, accountId, version }: NetworkAddOnsProps) {
    super(scope, id);
    const role = new Role(this, 'network-role', {
      name: `${prefix}-network`,
      assumedBy: { service: podIdentity },
      accountId,
      statements: [],
    });
    const rights = new IamRolePolicyAttachment(this, 'network-rights', {
      role: role.name,
      policyArn: 'arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy',
    });
    const agent = addOn(this, cluster, 'eks-pod-identity-agent', versions['eks-pod-identity-agent']);
    this.resources = [
      agent,
      addOn(this, cluster, 'kube-proxy', proxyVersions[version]),
      addOn(this, cluster, 'vpc-cni', versions['vpc-cni'], {
        // https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy-configure.html
        configurationValues: JSON.stringify({ enableNetworkPolicy: 'true' }),
        podIdentityAssociation: [{ serviceAccount: 'aws-node', roleArn: role.arn }],
        dependsOn: [agent, rights],
      }),
    ];
  }
}

export interface ClusterAddOnsProps {
  /** Prefix of names. */
  readonly prefix: string;
  /** Name of the cluster, as its resource says it: nothing here is made before. */
  readonly cluster: string;
  readonly accountId: string;
  /** Nodes that take them: they are whole only when they run. */
  readonly after: readonly TerraformResource[];
}

/** What of the AWS Load Balancer Controller's rights a TargetGroupBinding alone needs. */
const registering = [
  'ec2:DescribeVpcs',
  'ec2:DescribeSecurityGroups',
  'ec2:DescribeInstances',
  'elasticloadbalancing:DescribeTargetGroups',
  'elasticloadbalancing:DescribeTargetHealth',
];
const ofTargetGroups = [
  'elasticloadbalancing:ModifyTargetGroup',
  'elasticloadbalancing:ModifyTargetGroupAttributes',
  'elasticloadbalancing:RegisterTargets',
  'elasticloadbalancing:DeregisterTargets',
];

/** Whom the AWS Load Balancer Controller runs as. It is no add-on of EKS: docs/operating.md has the command. */
const controllerAccount = { namespace: 'kube-system', serviceAccount: 'aws-load-balancer-controller' };

/** What runs on nodes; and the role of the controller that registers pods with balancers. */
export class ClusterAddOns extends Construct {
  constructor(scope: Construct, id: string, { prefix, cluster, accountId, after }: ClusterAddOnsProps) {
    super(scope, id);
    for (const name of ['coredns', 'metrics-server'] as const)
      addOn(this, cluster, name, versions[name], { dependsOn: [...after] });
    const role = new Role(this, 'controller-role', {
      name: `${prefix}-balancing`,
      assumedBy: { service: podIdentity },
      accountId,
      // https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/installation/
      statements: [
        { actions: registering, resources: ['*'] },
        {
          actions: ofTargetGroups,
          resources: [`arn:aws:elasticloadbalancing:*:${accountId}:targetgroup/*`],
        },
      ],
    });
    new EksPodIdentityAssociation(this, 'controller-identity', {
      clusterName: cluster,
      ...controllerAccount,
      roleArn: role.arn,
    });
  }
}

function addOn(
  scope: Construct,
  clusterName: string,
  addonName: string,
  addonVersion: string,
  rest: Partial<ConstructorParameters<typeof EksAddon>[2]> = {},
): EksAddon {
  return new EksAddon(scope, addonName, {
    clusterName,
    addonName,
    addonVersion,
    // What somebody changed by hand goes back to what is written down.
    resolveConflictsOnCreate: 'OVERWRITE',
    resolveConflictsOnUpdate: 'OVERWRITE',
    ...rest,
  });
}
