import type { EksNodeGroup } from '@cdktf/provider-aws/lib/eks-node-group/index.js';
import { IamRolePolicyAttachment } from '@cdktf/provider-aws/lib/iam-role-policy-attachment/index.js';
import type { TerraformResource } from 'cdktf';
import { Construct } from 'constructs';
import type { Architecture } from '../../environments/budget/instance-types.ts';
import { nodeVolumeGiB } from '../../environments/pricing/usage.ts';
import { nameOf } from '../../environments/wiring/names.ts';
import { lazy } from '../lazy.ts';
import { machine } from '../tier/machine.ts';
import { Role } from '../tier/role.ts';

export interface NodeGroupProps {
  /** Prefix of names. */
  readonly prefix: string;
  /** Name of the cluster, as its resource says it: nothing here is made before. */
  readonly cluster: string;
  readonly environment: string;
  readonly accountId: string;
  readonly subnetIds: readonly string[];
  readonly architecture: Architecture;
  readonly instanceType: string;
  readonly nodes: number;
  /** As the cluster's. */
  readonly version: string;
  /** There before a node joins: without a network it is never ready. */
  readonly after: readonly TerraformResource[];
}

/** Amazon Linux 2023. https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html */
const amiTypes = { arm64: 'AL2023_ARM_64_STANDARD', x86_64: 'AL2023_x86_64_STANDARD' } as const;

/**
 * The nodes of a cluster, as many as its tiers' budgets need. None comes or goes by itself: what runs is what was
 * calculated. A new image or version replaces them one at a time, a new one first.
 */
export class NodeGroup extends Construct {
  readonly group: EksNodeGroup;

  constructor(scope: Construct, id: string, props: NodeGroupProps) {
    super(scope, id);
    const { cluster, nodes, instanceType } = props;
    const name = `${props.prefix}-nodes`;
    // The network's own rights are its add-on's; pods hold their tier's.
    const role = new Role(this, 'role', {
      name,
      assumedBy: { service: 'ec2.amazonaws.com' },
      accountId: props.accountId,
      statements: [],
    });
    const rights = ['AmazonEKSWorkerNodePolicy', 'AmazonEC2ContainerRegistryPullOnly'].map(
      (policy) =>
        new IamRolePolicyAttachment(this, policy, { role: role.name, policyArn: `arn:aws:iam::aws:policy/${policy}` }),
    );
    const template = new lazy.LaunchTemplate(this, 'template', {
      name: nameOf('launch template', name),
      ...machine({ name, environment: props.environment, tier: 'kubernetes', volumeGiB: nodeVolumeGiB }),
    });
    this.group = new lazy.EksNodeGroup(this, 'group', {
      clusterName: cluster,
      // With a prefix a change that replaces the group has its successor there first.
      nodeGroupNamePrefix: 'bulkhead-',
      version: props.version,
      nodeRoleArn: role.arn,
      subnetIds: [...props.subnetIds],
      amiType: amiTypes[props.architecture],
      capacityType: 'ON_DEMAND',
      instanceTypes: [instanceType],
      launchTemplate: { id: template.id, version: `\${${template.fqn}.latest_version}` },
      scalingConfig: { minSize: nodes, desiredSize: nodes, maxSize: nodes },
      updateConfig: { maxUnavailable: 1 },
      // One that the control plane no longer hears of is replaced.
      nodeRepairConfig: { enabled: true },
      tags: { Tier: 'kubernetes' },
      lifecycle: { createBeforeDestroy: true },
      dependsOn: [...rights, ...props.after],
    });
  }
}
