/**
 * A cluster that an environment has made for itself, in its own network. A stack of its own: it is applied before what
 * gives roles to its pods, and the stack of its objects reads it by its name.
 */
import { VpcSecurityGroupIngressRule } from '@cdktf/provider-aws/lib/vpc-security-group-ingress-rule/index.js';
import { TerraformOutput } from 'cdktf';
import type { Construct } from 'constructs';
import { ClusterAddOns, NetworkAddOns } from '../../constructs/cluster/add-ons.ts';
import { ControlPlane } from '../../constructs/cluster/control-plane.ts';
import { NodeGroup } from '../../constructs/cluster/node-group.ts';
import { offeredInZones } from '../../constructs/network/zone-offerings.ts';
import { nodesOf } from '../../environments/budget/kubernetes-nodes.ts';
import { type KubernetesSettings, kubernetesNodes, onKubernetes } from '../../environments/schema/kubernetes.ts';
import { type AwsEnvironment, BaseStack } from '../base-stack.ts';
import type { FoundationStack } from '../foundation-stack.ts';

export class ClusterStack extends BaseStack {
  /** The group of its nodes, and so of its pods. */
  readonly nodeGroupId: string;

  constructor(
    scope: Construct,
    environment: AwsEnvironment,
    foundation: FoundationStack,
    settings: KubernetesSettings,
  ) {
    super(scope, 'cluster', environment);
    const { prefix, accountId } = this;
    const { aws } = environment;
    const { network } = foundation;
    const { version, apiCidrs = [], adminArns } = settings;
    const plane = new ControlPlane(this, 'control-plane', {
      name: prefix,
      version,
      accountId,
      subnetIds: network.privateSubnetIds,
      keyArn: foundation.key.arn,
      apiCidrs,
      adminArns,
      logRetentionDays: aws.logRetentionDays,
      ephemeral: aws.ephemeral,
    });
    const { cluster } = plane;
    const before = new NetworkAddOns(this, 'network-add-ons', { prefix, cluster: cluster.name, accountId, version });
    const size = kubernetesNodes(settings, aws.architecture);
    offeredInZones(this, size.instanceType, aws);
    const placements = onKubernetes(environment).map(({ placement }) => placement);
    const { group } = new NodeGroup(this, 'nodes', {
      prefix,
      cluster: cluster.name,
      environment: environment.name,
      accountId,
      subnetIds: network.privateSubnetIds,
      architecture: aws.architecture,
      instanceType: size.instanceType,
      nodes: nodesOf(size, placements),
      version,
      after: before.resources,
    });
    new ClusterAddOns(this, 'add-ons', { prefix, cluster: cluster.name, accountId, after: [group] });
    // Private names of AWS's APIs lead there; a node that may not pass never loads an image.
    if (network.endpointSecurityGroupId)
      new VpcSecurityGroupIngressRule(this, 'nodes-to-endpoints', {
        securityGroupId: network.endpointSecurityGroupId,
        referencedSecurityGroupId: plane.securityGroupId,
        ipProtocol: 'tcp',
        fromPort: 443,
        toPort: 443,
        description: 'nodes to endpoints',
      });
    this.nodeGroupId = plane.securityGroupId;
    new TerraformOutput(this, 'vpc', { value: network.vpcId, staticId: true, description: 'for the controller' });
  }
}
