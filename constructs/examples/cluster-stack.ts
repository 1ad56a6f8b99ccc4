/** An EKS cluster in a VPC that is there. Its network comes before its first node, its other add-ons after. */
import { DataAwsCallerIdentity } from '@cdktf/provider-aws/lib/data-aws-caller-identity/index.js';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { ClusterAddOns, NetworkAddOns } from '../cluster/add-ons.ts';
import { ControlPlane } from '../cluster/control-plane.ts';
import { NodeGroup } from '../cluster/node-group.ts';

export interface ExampleClusterProps {
  /** Name of the cluster, and prefix of every other. @example 'example-dev' */
  readonly prefix: string;
  readonly region: string;
  /** Private, in at least two zones. */
  readonly subnetIds: readonly string[];
  readonly keyArn: string;
}

export class ExampleClusterStack extends TerraformStack {
  constructor(scope: Construct, id: string, { prefix, region, subnetIds, keyArn }: ExampleClusterProps) {
    super(scope, id);
    new AwsProvider(this, 'aws', { region });
    const { accountId } = new DataAwsCallerIdentity(this, 'account');
    const version = '1.34';
    const { cluster } = new ControlPlane(this, 'control-plane', {
      name: prefix,
      version,
      accountId,
      subnetIds,
      keyArn,
      apiCidrs: ['203.0.113.7/32'],
      adminArns: [],
      logRetentionDays: 30,
      ephemeral: true,
    });
    const network = new NetworkAddOns(this, 'network-add-ons', { prefix, cluster: cluster.name, accountId, version });
    const { group } = new NodeGroup(this, 'nodes', {
      prefix,
      cluster: cluster.name,
      environment: 'dev',
      accountId,
      subnetIds,
      architecture: 'arm64',
      instanceType: 't4g.large',
      nodes: 2,
      version,
      after: network.resources,
    });
    new ClusterAddOns(this, 'add-ons', { prefix, cluster: cluster.name, accountId, after: [group] });
  }
}
