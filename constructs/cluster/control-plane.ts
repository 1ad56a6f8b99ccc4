import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group/index.js';
import { EksAccessEntry } from '@cdktf/provider-aws/lib/eks-access-entry/index.js';
import { EksAccessPolicyAssociation } from '@cdktf/provider-aws/lib/eks-access-policy-association/index.js';
import type { EksCluster } from '@cdktf/provider-aws/lib/eks-cluster/index.js';
import { IamRolePolicyAttachment } from '@cdktf/provider-aws/lib/iam-role-policy-attachment/index.js';
import { Construct } from 'constructs';
import { nameOf } from '../../environments/wiring/names.ts';
import { lazy } from '../lazy.ts';
import { justify, retentionIsASetting } from '../policies/justified.ts';
import { Role } from '../tier/role.ts';

export interface ControlPlaneProps {
  /** Of the cluster. @example 'bulkhead-dev' */
  readonly name: string;
  /** @example '1.34' */
  readonly version: string;
  readonly accountId: string;
  /** Private subnets in at least two zones. */
  readonly subnetIds: readonly string[];
  /** Encrypts the cluster's secrets and the log of its control plane. */
  readonly keyArn: string;
  /** Who reaches its API over the internet; nobody: its own network alone. */
  readonly apiCidrs: readonly string[];
  /** Who may do everything in it, beside who makes it. */
  readonly adminArns: readonly string[];
  readonly logRetentionDays: number;
  /** May be destroyed. */
  readonly ephemeral: boolean;
}

/** All that there are. https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html */
const logTypes = ['api', 'audit', 'authenticator', 'controllerManager', 'scheduler'];

const publicApi = 'apiCidrs says who deploys over the internet; everybody else is refused before signing in';

/** The control plane of an EKS cluster: who may call it, what it encrypts, what it logs. */
export class ControlPlane extends Construct {
  readonly cluster: EksCluster;
  /** The group that EKS gives to its nodes: they and the control plane may reach each other. */
  readonly securityGroupId: string;

  constructor(scope: Construct, id: string, props: ControlPlaneProps) {
    super(scope, id);
    const { name, keyArn, apiCidrs } = props;
    const role = new Role(this, 'role', {
      name: `${name}-cluster`,
      assumedBy: { service: 'eks.amazonaws.com' },
      accountId: props.accountId,
      statements: [
        { actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ListGrants', 'kms:DescribeKey'], resources: [keyArn] },
      ],
    });
    const rights = new IamRolePolicyAttachment(this, 'rights', {
      role: role.name,
      policyArn: 'arn:aws:iam::aws:policy/AmazonEKSClusterPolicy',
    });
    // EKS would make it itself, without an end and without the key.
    const logs = new CloudwatchLogGroup(this, 'logs', {
      name: nameOf('log group', `/aws/eks/${name}/cluster`),
      retentionInDays: props.logRetentionDays,
      kmsKeyId: keyArn,
    });
    justify(logs, { CKV_AWS_338: retentionIsASetting });
    const cluster = new lazy.EksCluster(this, 'cluster', {
      name,
      version: props.version,
      roleArn: role.arn,
      // Kept by Terraform, each with its version.
      bootstrapSelfManagedAddons: false,
      accessConfig: { authenticationMode: 'API', bootstrapClusterCreatorAdminPermissions: true },
      vpcConfig: {
        subnetIds: [...props.subnetIds],
        endpointPrivateAccess: true,
        endpointPublicAccess: apiCidrs.length > 0,
        ...(apiCidrs.length > 0 && { publicAccessCidrs: [...apiCidrs] }),
      },
      encryptionConfig: { provider: { keyArn }, resources: ['secrets'] },
      enabledClusterLogTypes: logTypes,
      // The end of a version raises it by itself, instead of costing six times as much from that day.
      upgradePolicy: { supportType: 'STANDARD' },
      deletionProtection: !props.ephemeral,
      dependsOn: [logs, rights, ...(role.policy ? [role.policy] : [])],
    });
    if (apiCidrs.length > 0) justify(cluster, { CKV_AWS_39: publicApi });
    for (const [index, principalArn] of props.adminArns.entries()) {
      const entry = new EksAccessEntry(this, `admin-${index}`, { clusterName: cluster.name, principalArn });
      new EksAccessPolicyAssociation(this, `admin-rights-${index}`, {
        clusterName: cluster.name,
        principalArn,
        policyArn: 'arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy',
        accessScope: { type: 'cluster' },
        dependsOn: [entry],
      });
    }
    this.cluster = cluster;
    this.securityGroupId = cluster.vpcConfig.clusterSecurityGroupId;
  }
}
