import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group/index.js';
import { VpcEndpoint } from '@cdktf/provider-aws/lib/vpc-endpoint/index.js';
import { Construct } from 'constructs';

/** AWS APIs that tiers call, as endpoint services: images, logs and metrics, secrets, keys. */
const everywhere = ['ecr.api', 'ecr.dkr', 'logs', 'monitoring', 'secretsmanager', 'kms'] as const;

/** What Systems Manager, the launch hook and the run role's credentials need on instances: $7.30 each and zone. */
const onInstances = ['ssm', 'ssmmessages', 'ec2messages', 'autoscaling', 'sts'] as const;

export const interfaceServices = (instances: boolean): readonly string[] =>
  instances ? [...everywhere, ...onInstances] : everywhere;

export interface EndpointsProps {
  readonly prefix: string;
  readonly region: string;
  readonly vpcId: string;
  readonly cidr: string;
  readonly subnetIds: readonly string[];
  readonly routeTableIds: readonly string[];
  /** Endpoint services of AWS APIs. None: only the free gateway to S3. */
  readonly interfaces: readonly string[];
}

/** Private ways to AWS APIs. The gateway to S3 is free, carries image layers and documents, and is always there. */
export class Endpoints extends Construct {
  readonly securityGroupId: string | undefined;
  readonly s3PrefixListId: string;
  /** The way to S3, for what must not start before it. */
  readonly s3: VpcEndpoint;

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
    this.s3 = s3;
    this.s3PrefixListId = s3.prefixListId;
    if (props.interfaces.length === 0) return;

    const group = new SecurityGroup(this, 'security-group', {
      namePrefix: `${prefix}-endpoints-`,
      description: 'Private endpoints of AWS APIs',
      vpcId,
      tags: { Name: `${prefix}-endpoints` },
      lifecycle: { createBeforeDestroy: true },
    });
    this.securityGroupId = group.id;
    for (const service of props.interfaces)
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
