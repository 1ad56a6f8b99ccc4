/**
 * A VPC with a public, a private and a data subnet per zone. Tiers run in private subnets; only balancers and the way
 * out are in public ones; data subnets have no route out at all.
 */
import { DefaultSecurityGroup } from '@cdktf/provider-aws/lib/default-security-group/index.js';
import { Eip } from '@cdktf/provider-aws/lib/eip/index.js';
import { InternetGateway } from '@cdktf/provider-aws/lib/internet-gateway/index.js';
import { NatGateway } from '@cdktf/provider-aws/lib/nat-gateway/index.js';
import { Route } from '@cdktf/provider-aws/lib/route/index.js';
import { RouteTable } from '@cdktf/provider-aws/lib/route-table/index.js';
import { RouteTableAssociation } from '@cdktf/provider-aws/lib/route-table-association/index.js';
import { Subnet } from '@cdktf/provider-aws/lib/subnet/index.js';
import { Vpc } from '@cdktf/provider-aws/lib/vpc/index.js';
import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import type { NatChoice } from '../../environments/schema/aws.ts';
import { auditLogsAreASetting, justify } from '../policies/justified.ts';
import { Endpoints, interfaceServices } from './endpoints.ts';
import { NatInstance, type NatInstanceProps } from './nat-instance.ts';

export interface NetworkProps {
  /** Prefix of names. */
  readonly prefix: string;
  readonly region: string;
  /** Letters of the zones. */
  readonly zones: readonly string[];
  /** A /16 block, as in `10.0.0.0/16`. */
  readonly cidr: string;
  readonly nat: NatChoice;
  /** Connections are logged by {@link AuditLogs}. @default false */
  readonly auditLogs?: boolean;
  /** Interface endpoints for the AWS APIs that tiers need. */
  readonly endpoints: boolean;
  /** Some tier runs on instances, which call more of them. @default false */
  readonly instances?: boolean;
  /** Image and size of the NAT instance; used with `nat: 'instance'` only. */
  readonly natInstance: Omit<NatInstanceProps, 'name' | 'vpcId' | 'subnetId' | 'cidr' | 'after'> | undefined;
}

/** What tiers and stores need to know of a network, made here or there already. */
export interface NetworkParts {
  readonly vpcId: string;
  readonly cidr: string;
  readonly publicSubnetIds: readonly string[];
  readonly privateSubnetIds: readonly string[];
  readonly dataSubnetIds: readonly string[];
  /** Blocks of the subnets, for what knows addresses alone. */
  readonly blocks: Readonly<Record<'public' | 'private' | 'data', readonly string[]>>;
  /** The security group of the interface endpoints, where there are any. */
  readonly endpointSecurityGroupId: string | undefined;
  /** Prefix list of S3. */
  readonly s3PrefixListId: string;
}

export class Network extends Construct implements NetworkParts {
  readonly vpcId: string;
  readonly cidr: string;
  readonly publicSubnetIds: string[] = [];
  readonly privateSubnetIds: string[] = [];
  readonly dataSubnetIds: string[] = [];
  /** Blocks of the subnets, for what knows addresses alone. */
  readonly blocks: Record<'public' | 'private' | 'data', string[]> = { public: [], private: [], data: [] };
  /** The security group of the interface endpoints, where there are any. */
  readonly endpointSecurityGroupId: string | undefined;
  /** Prefix list of S3, whose gateway endpoint is free and always there. */
  readonly s3PrefixListId: string;
  /** Route tables of private subnets, in the order of zones. */
  private readonly privateTables: RouteTable[] = [];

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    const { prefix, cidr } = props;
    const vpc = new Vpc(this, 'vpc', {
      cidrBlock: cidr,
      enableDnsHostnames: true,
      enableDnsSupport: true,
      tags: { Name: prefix },
    });
    this.vpcId = vpc.id;
    this.cidr = cidr;
    // Nothing names it; without rules it lets nothing through where something would by mistake.
    new DefaultSecurityGroup(this, 'default-security-group', {
      vpcId: vpc.id,
      tags: { Name: `${prefix}-default-closed` },
    });
    if (!props.auditLogs) justify(vpc, { CKV2_AWS_11: auditLogsAreASetting });
    const internet = new InternetGateway(this, 'internet', { vpcId: vpc.id, tags: { Name: prefix } });
    const publicTable = this.table('public', prefix);
    const publicOut = new Route(this, 'public-out', {
      routeTableId: publicTable.id,
      destinationCidrBlock: '0.0.0.0/0',
      gatewayId: internet.id,
    });
    const dataTable = this.table('data', prefix);

    for (const [index, zone] of props.zones.entries()) {
      const at = `${props.region}${zone}`;
      // /20 blocks: 4,091 addresses each, sixteen of them in a /16; the third octet says kind and zone.
      this.publicSubnetIds.push(this.subnet(`public-${zone}`, props, at, index, publicTable));
      const privateTable = this.table(`private-${zone}`, prefix);
      this.privateTables.push(privateTable);
      this.privateSubnetIds.push(this.subnet(`private-${zone}`, props, at, 4 + index, privateTable));
      this.dataSubnetIds.push(this.subnet(`data-${zone}`, props, at, 8 + index, dataTable));
    }
    const endpoints = new Endpoints(this, 'endpoints', {
      prefix,
      region: props.region,
      vpcId: vpc.id,
      cidr,
      subnetIds: this.privateSubnetIds,
      // The public one too: a NAT instance installs its packages from S3 before it has an address.
      routeTableIds: [publicTable, ...this.privateTables].map(({ id }) => id),
      interfaces: props.endpoints ? interfaceServices(props.instances ?? false) : [],
    });
    this.wayOut(props, [publicOut, endpoints.s3]);
    this.endpointSecurityGroupId = endpoints.securityGroupId;
    this.s3PrefixListId = endpoints.s3PrefixListId;
  }

  private table(name: string, prefix: string): RouteTable {
    return new RouteTable(this, `${name}-routes`, { vpcId: this.vpcId, tags: { Name: `${prefix}-${name}` } });
  }

  private subnet(name: string, props: NetworkProps, zone: string, block: number, table: RouteTable): string {
    const [a, b] = props.cidr.split('.');
    const cidrBlock = `${a}.${b}.${block * 16}.0/20`;
    this.blocks[name.split('-')[0] as keyof Network['blocks']].push(cidrBlock);
    const subnet = new Subnet(this, name, {
      vpcId: this.vpcId,
      availabilityZone: zone,
      cidrBlock,
      mapPublicIpOnLaunch: false,
      tags: { Name: `${props.prefix}-${name}` },
    });
    new RouteTableAssociation(this, `${name}-association`, { subnetId: subnet.id, routeTableId: table.id });
    return subnet.id;
  }

  private wayOut(
    { nat, zones, prefix, cidr, natInstance }: NetworkProps,
    routes: readonly ITerraformDependable[],
  ): void {
    if (nat === 'none') return;
    if (nat === 'instance') {
      if (!natInstance) throw new Error("nat: 'instance' was given without an AMI: set aws.ami");
      const { networkInterfaceId } = new NatInstance(this, 'nat-instance', {
        ...natInstance,
        name: `${prefix}-nat`,
        vpcId: this.vpcId,
        subnetId: this.publicSubnetIds[0] as string,
        cidr,
        after: routes,
      });
      for (const [index, zone] of zones.entries()) this.out(zone, index, { networkInterfaceId });
      return;
    }
    const gateways = (nat === 'single' ? zones.slice(0, 1) : zones).map((zone, index) => {
      const address = new Eip(this, `nat-address-${zone}`, { domain: 'vpc', tags: { Name: `${prefix}-nat-${zone}` } });
      return new NatGateway(this, `nat-${zone}`, {
        allocationId: address.id,
        subnetId: this.publicSubnetIds[index] as string,
        tags: { Name: `${prefix}-nat-${zone}` },
      });
    });
    for (const [index, zone] of zones.entries())
      this.out(zone, index, { natGatewayId: (gateways[index] ?? (gateways[0] as NatGateway)).id });
  }

  private out(zone: string, index: number, via: { natGatewayId: string } | { networkInterfaceId: string }): void {
    new Route(this, `private-out-${zone}`, {
      routeTableId: (this.privateTables[index] as RouteTable).id,
      destinationCidrBlock: '0.0.0.0/0',
      ...via,
    });
  }
}
