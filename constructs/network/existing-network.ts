import { DataAwsPrefixList } from '@cdktf/provider-aws/lib/data-aws-prefix-list/index.js';
import { DataAwsSubnet } from '@cdktf/provider-aws/lib/data-aws-subnet/index.js';
import { DataAwsVpc } from '@cdktf/provider-aws/lib/data-aws-vpc/index.js';
import { Construct } from 'constructs';
import type { Existing } from '../../environments/schema/existing.ts';
import type { NetworkParts } from './network.ts';

export interface ExistingNetworkProps {
  readonly existing: NonNullable<Existing['network']>;
  readonly region: string;
  /** Letters of the zones, in the order of the subnets. */
  readonly zones: readonly string[];
}

/**
 * A VPC that is there: read, never changed. What synth cannot know each plan asks AWS: subnets of that VPC, in the zones
 * that the environment names, and names that resolve.
 */
export class ExistingNetwork extends Construct implements NetworkParts {
  readonly vpcId: string;
  readonly cidr: string;
  readonly publicSubnetIds: string[];
  readonly privateSubnetIds: string[];
  readonly dataSubnetIds: string[];
  readonly blocks: NetworkParts['blocks'];
  readonly endpointSecurityGroupId: string | undefined;
  readonly s3PrefixListId: string;

  constructor(scope: Construct, id: string, { existing, region, zones }: ExistingNetworkProps) {
    super(scope, id);
    const { vpcId } = existing;
    const vpc = new DataAwsVpc(this, 'vpc', {
      id: vpcId,
      lifecycle: {
        postcondition: [
          {
            condition: expression('self.enable_dns_support && self.enable_dns_hostnames'),
            errorMessage: `${vpcId} resolves no names: switch on DNS resolution and DNS hostnames.`,
          },
        ],
      },
    });
    const subnet = (kind: string, subnetId: string, index: number, zone?: string) => {
      const conditions = [
        [`self.vpc_id == "${vpcId}"`, `${subnetId} is no subnet of ${vpcId}.`],
        ...(zone === undefined
          ? []
          : [
              [
                `self.availability_zone == "${region}${zone}"`,
                `${subnetId} is not in ${region}${zone}: the ${kind} subnets stand in the order of aws.zones.`,
              ],
            ]),
      ];
      return new DataAwsSubnet(this, `${kind}-${index}`, {
        id: subnetId,
        lifecycle: {
          postcondition: conditions.map(([condition, errorMessage]) => ({
            condition: expression(condition as string),
            errorMessage: errorMessage as string,
          })),
        },
      });
    };
    const inZones = (kind: string, ids: readonly string[]) =>
      ids.map((subnetId, index) => subnet(kind, subnetId, index, zones[index]));
    const found = {
      public: inZones('public', existing.publicSubnetIds),
      private: inZones('private', existing.privateSubnetIds),
      data: existing.dataSubnetIds.map((subnetId, index) => subnet('data', subnetId, index)),
    };
    const ids = (kind: keyof typeof found) => found[kind].map(({ id: own }) => own);
    const blocksOf = (kind: keyof typeof found) => found[kind].map(({ cidrBlock }) => cidrBlock);
    this.vpcId = vpc.id;
    this.cidr = vpc.cidrBlock;
    this.publicSubnetIds = ids('public');
    this.privateSubnetIds = ids('private');
    this.dataSubnetIds = ids('data');
    this.blocks = {
      public: blocksOf('public'),
      private: blocksOf('private'),
      // Stores that are named may lie in any of its subnets.
      data: found.data.length > 0 ? blocksOf('data') : [vpc.cidrBlock],
    };
    this.endpointSecurityGroupId = existing.endpointSecurityGroupId;
    // AWS's own list: there with and without a gateway endpoint.
    this.s3PrefixListId = new DataAwsPrefixList(this, 's3', { name: `com.amazonaws.${region}.s3` }).id;
  }
}

const expression = (text: string): string => `\${${text}}`;
