/** A network and stores that a company has already. What each must fulfil: docs/existing-parts.md. */
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { ExistingNetwork } from '../network/existing-network.ts';
import { ExistingDocuments, ExistingPostgres, ExistingRedis } from '../stores/existing-stores.ts';

export interface ExistingProps {
  /** Prefix of the secrets that hold their URLs. @example 'example-dev' */
  readonly prefix: string;
  readonly region: string;
  readonly keyArn: string;
}

export class ExistingStack extends TerraformStack {
  constructor(scope: Construct, id: string, { prefix, region, keyArn }: ExistingProps) {
    super(scope, id);
    new AwsProvider(this, 'aws', { region });
    const how = { prefix, keyArn, ephemeral: true };
    new ExistingNetwork(this, 'network', {
      region,
      zones: ['a', 'b'],
      existing: {
        vpcId: 'vpc-0123456789abcdef0',
        publicSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
        privateSubnetIds: ['subnet-0123456789abcdef2', 'subnet-0123456789abcdef3'],
        dataSubnetIds: [],
      },
    });
    new ExistingPostgres(this, 'postgres', {
      ...how,
      existing: {
        host: 'postgres.company.test',
        database: 'chat',
        securityGroupId: 'sg-0123456789abcdef0',
        connectionsMax: 200,
      },
      tiers: ['api', 'chat'],
      versions: {},
    });
    new ExistingRedis(this, 'redis', { ...how, existing: { securityGroupId: 'sg-0123456789abcdef1' } });
    new ExistingDocuments(this, 'documents', { region, existing: { bucket: 'company-documents' } });
  }
}
