import { describe, expect, test } from '@jest/globals';
import { App } from 'cdktf';
import { type EnvironmentInput, resolveEnvironment } from '../../environments/environment.ts';
import { environmentMonthlyUsd } from '../../environments/pricing/environment-cost.ts';
import { costedEnvironment } from '../../stacks/cost.ts';
import { onAws } from '../../stacks/on-aws.ts';
import { addStacks } from '../../stacks/synthesize.ts';
import { sample } from '../environments/sample.ts';
import { type Attributes, type addressBook, ofType, one, placeholders, synthesized } from './synthesized.ts';

type Existing = NonNullable<NonNullable<EnvironmentInput['aws']>['existing']>;

const id = (kind: string, digit: number) => `${kind}-0123456${digit}`;
const network = {
  vpcId: id('vpc', 0),
  publicSubnetIds: [id('subnet', 0), id('subnet', 1)],
  privateSubnetIds: [id('subnet', 2), id('subnet', 3)],
  dataSubnetIds: [id('subnet', 4), id('subnet', 5)],
  endpointSecurityGroupId: id('sg', 3),
};
const postgres = { host: 'db.company.internal', securityGroupId: id('sg', 1), connectionsMax: 200 };
const redis = { securityGroupId: id('sg', 2) };
const documents = { bucket: 'company-documents' };
const keyArn = 'arn:aws:kms:us-east-1:111122223333:key/0123abcd';
const all: Existing = { network, postgres, redis, documents, keyArn };

const environment = (existing: Existing, aws: object = {}) => sample({ aws: { existing, ...aws } });
const kinds = (stack: Parameters<typeof addressBook>[0]) => new Set(Object.keys(stack.resource));

describe('a part that is named', () => {
  const whole = synthesized(environment(all));

  test('is not made, and nothing that belongs to it', () => {
    const made = kinds(whole.foundation);
    for (const type of [
      ...[
        'aws_vpc',
        'aws_subnet',
        'aws_route',
        'aws_route_table',
        'aws_nat_gateway',
        'aws_internet_gateway',
        'aws_eip',
      ],
      ...['aws_vpc_endpoint', 'aws_default_security_group', 'aws_security_group', 'aws_flow_log'],
      ...[
        'aws_db_instance',
        'aws_db_subnet_group',
        'aws_elasticache_replication_group',
        'aws_elasticache_subnet_group',
      ],
      ...['aws_kms_key', 'aws_kms_alias', 'aws_s3_bucket_logging', 'aws_cloudwatch_metric_alarm'],
    ])
      expect([type, made.has(type)]).toEqual([type, false]);
    // The one of the balancers' logs.
    expect(Object.keys(ofType(whole.foundation, 'aws_s3_bucket'))).toEqual([
      expect.stringMatching(/^audit-logs_bucket_/),
    ]);
    expect(whole.service.resource.aws_cloudwatch_dashboard).toBeDefined();
    expect(JSON.stringify(whole.service.resource.aws_cloudwatch_dashboard)).not.toContain('AWS/RDS');
  });

  test('is what tiers and balancers refer to', () => {
    const { foundation, service } = whole;
    for (const [name, subnets] of [
      ['public', 'public'],
      ['internal', 'private'],
    ] as const)
      expect(JSON.stringify(one(service, 'aws_lb', name).subnets)).toContain(`network_${subnets}-0`);
    const to = Object.values(ofType(service, 'aws_vpc_security_group_egress_rule')).map(
      ({ referenced_security_group_id }) => referenced_security_group_id,
    );
    expect(to).toEqual(expect.arrayContaining([id('sg', 1), id('sg', 2), id('sg', 3)]));
    expect(whole.text).toContain('s3://company-documents');
    expect(whole.text).toContain('arn:aws:s3:::company-documents/*');
    const secrets = Object.values(ofType(foundation, 'aws_secretsmanager_secret'));
    expect(new Set(secrets.map(({ kms_key_id }) => kms_key_id))).toEqual(new Set([keyArn]));
    const url = one(foundation, 'aws_secretsmanager_secret_version', 'postgres_url-api').secret_string_wo;
    expect(url).toMatch(/^postgres:\/\/bulkhead_api:.*@db\.company\.internal:5432\/bulkhead\?sslmode=verify-full$/);
    for (const byHand of ['postgres_url-owner', 'redis_url'])
      expect(one(foundation, 'aws_secretsmanager_secret_version', byHand).secret_string_wo).toBe('unset');
  });

  test('is looked at by every plan: names that resolve, subnets of that network in the zones, a bucket of the region', () => {
    const said = (type: string, start: string) =>
      (one({ ...whole.foundation, resource: whole.foundation.data }, type, start).lifecycle as Attributes)
        .postcondition;
    expect(said('aws_vpc', 'network')).toMatchObject([{ error_message: expect.stringContaining('DNS hostnames') }]);
    expect(said('aws_subnet', 'network_private-1')).toMatchObject([
      { condition: `\${self.vpc_id == "${network.vpcId}"}` },
      { condition: `\${self.availability_zone == "us-east-1b"}` },
    ]);
    expect(said('aws_s3_bucket', 'documents')).toEqual([
      {
        condition: `\${self.bucket_region == "us-east-1"}`,
        error_message: expect.stringContaining('company-documents is not in us-east-1'),
      },
    ]);
  });

  test('costs nothing here, and the sheet says that it is not ours', () => {
    const lines = (input: EnvironmentInput) => {
      const resolved = onAws(resolveEnvironment(input));
      return environmentMonthlyUsd(
        costedEnvironment(resolved, Object.values(addStacks(new App(), resolved, placeholders))),
      );
    };
    const named = lines({
      ...environment(all, { hostedZoneId: 'Z0123456789' }),
      kubernetes: { cluster: 'company', podCidr: '10.20.0.0/16' },
    });
    expect(
      named
        .filter(({ what }) => what.includes('not ours'))
        .map(({ part, what, monthlyUsd }) => [part, what, monthlyUsd]),
    ).toEqual([
      ['network', 'way out and endpoints: not ours', 0],
      ['postgres', 'not ours', 0],
      ['redis', 'not ours', 0],
      ['object store', 'documents, results, vectors: not ours', 0],
      ['keys and alarms', 'encryption key: not ours', 0],
      ['keys and alarms', 'hosted zone: not ours', 0],
      ['kubernetes', 'control plane: not ours', 0],
    ]);
    const sum = (of: typeof named, part: string) =>
      of.filter((line) => line.part === part).reduce((total, { monthlyUsd }) => total + monthlyUsd, 0);
    const made = lines(sample());
    for (const part of ['network', 'postgres', 'redis', 'object store', 'keys and alarms'])
      expect(sum(named, part)).toBeLessThan(sum(made, part));
    expect(named.some(({ what }) => what.includes('encryption keys'))).toBe(false);
  });

  test('leaves those beside it as they are made otherwise', () => {
    const { foundation } = synthesized(environment({ network }));
    const database = one(foundation, 'aws_db_subnet_group');
    expect(JSON.stringify(database.subnet_ids)).toContain('data.aws_subnet.network_data-0');
    expect(kinds(foundation).has('aws_kms_key')).toBe(true);
  });
});

describe('refused is', () => {
  test.each<[string, Existing, object, string]>([
    ['a store without its network', { redis }, {}, 'given without existing.network: a security group admits tiers'],
    ['a way out beside a network', all, { nat: 'instance' }, "given 'instance' beside existing.network"],
    ['endpoints beside a network', all, { endpoints: true }, 'name the group of its own as endpointSecurityGroupId'],
    [
      'a zone without a subnet',
      { ...all, network: { ...network, privateSubnetIds: [id('subnet', 2)] } },
      {},
      'given 1; allowed with zones a, b: 2, one in each, in that order',
    ],
    [
      'no subnet for a store that is made',
      { network: { ...network, dataSubnetIds: [] }, postgres },
      {},
      'given 0; Redis is made here and needs two or more, in different zones',
    ],
    [
      'the bucket of the state',
      { documents: { bucket: 'company-state' } },
      { stateBucket: 'company-state' },
      "given 'company-state', which is aws.stateBucket and holds the Terraform state",
    ],
    ...['bulkhead-test-documents-111122223333', 'bulkhead-prod-audit-111122223333'].map(
      (bucket): [string, Existing, object, string] => [
        `the bucket that a stack makes, ${bucket}`,
        { documents: { bucket } },
        {},
        `given '${bucket}', a name that an environment makes itself`,
      ],
    ),
    ...['a..b', '-ab', 'AB-documents'].map((bucket): [string, Existing, object, string] => [
      `${bucket}, no name of a bucket`,
      { documents: { bucket } },
      {},
      'must be a bucket name: 3 to 63 of a-z',
    ]),
    ['an address', { documents: { bucket: '10.0.0.1' } }, {}, 'must be a bucket name, not an IP address'],
    ...['docs--use1-az4--x-s3', 'docs-0123-s3alias', 'xn--docs'].map((bucket): [string, Existing, object, string] => [
      `${bucket}, no general purpose bucket`,
      { documents: { bucket } },
      {},
      'must be a general purpose bucket',
    ]),
    ['a key of elsewhere', { keyArn: keyArn.replace('us-east-1', 'eu-west-1') }, {}, "given a key of 'eu-west-1'"],
    [
      'a database that takes fewer connections than are opened',
      { ...all, postgres: { ...postgres, connectionsMax: 3 } },
      {},
      'given 3; 4 replicas may open',
    ],
  ])('%s', (_, existing, aws, said) => {
    expect(() => resolveEnvironment(environment(existing, aws))).toThrow(said);
  });
});
