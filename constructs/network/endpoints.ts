import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group/index.js';
import { VpcEndpoint } from '@cdktf/provider-aws/lib/vpc-endpoint/index.js';
import { Construct } from 'constructs';

/**
 * AWS APIs that tiers call, as endpoint services: images, logs and metrics, secrets, keys, and what Systems Manager, the
 * launch hook and the run role's credentials need on instances.
 */
export const interfaceServices = [
  'ecr.api',
  'ecr.dkr',
  'logs',
  'monitoring',
  'secretsmanager',
  'kms',
  'ssm',
  'ssmmessages',
  'ec2messages',
  'autoscaling',
  'sts',
] as const;

export interface EndpointsProps {
  readonly prefix: string;
  readonly region: string;
  readonly vpcId: string;
  readonly cidr: string;
  readonly subnetIds: readonly string[];
  readonly routeTableIds: readonly string[];
  /** False: only the free gateway to S3. */
  readonly interfaces: boolean;
}

/** Private ways to AWS APIs. The gateway to S3 is free, carries image layers and documents, and is always there. */
export class Endpoints extends Construct {
  readonly securityGroupId: string | undefined;
  readonly s3PrefixListId: string;

  constructor(scope: Construct, id: string, props: EndpointsProps) {
    super(scope, id);
    const { vpcId, region, prefix } = props;
    const s3 = new VpcEndpoint(this, 's3', {
      vpcId,
      serviceName: `com.amazonaws.${region}.s3`,
      vpcEndpointType: 'Gateway',
      routeTableIds: [...props.routeTableIds],
      tags: { Name: `${prefix}-s3` },
    });
    this.s3PrefixListId = s3.prefixListId;
    if (!props.interfaces) return;

    const group = new SecurityGroup(this, 'security-group', {
      namePrefix: `${prefix}-endpoints-`,
      description: 'Private endpoints of AWS APIs',
      vpcId,
      tags: { Name: `${prefix}-endpoints` },
      lifecycle: { createBeforeDestroy: true },
    });
    this.securityGroupId = group.id;
    for (const service of interfaceServices)
      new VpcEndpoint(this, service, {
        vpcId,
        serviceName: `com.amazonaws.${region}.${service}`,
        vpcEndpointType: 'Interface',
        privateDnsEnabled: true,
        subnetIds: [...props.subnetIds],
        securityGroupIds: [group.id],
        tags: { Name: `${prefix}-${service}` },
      });
  }
}
