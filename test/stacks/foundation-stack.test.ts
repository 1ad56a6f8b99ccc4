import { describe, expect, test } from '@jest/globals';
import { interfaceServices } from '../../constructs/network/endpoints.ts';
import { sample } from '../environments/sample.ts';
import { type Attributes, addressBook, ofType, one, type StackJson, synthesized } from './synthesized.ts';

const foundation = (changes: Parameters<typeof sample>[0] = {}): StackJson => synthesized(sample(changes)).foundation;
const kept = foundation();
const ephemeral = foundation({ aws: { ephemeral: true } });
const prevented = (stack: StackJson) =>
  Object.entries(stack.resource).flatMap(([type, byId]) =>
    Object.values(byId).some(({ lifecycle }) => (lifecycle as { prevent_destroy?: boolean })?.prevent_destroy)
      ? [type]
      : [],
  );

describe('state', () => {
  test('refuses to be destroyed unless the environment is ephemeral', () => {
    expect(prevented(kept).toSorted()).toEqual([
      'aws_db_instance',
      'aws_kms_key',
      'aws_s3_bucket',
      'aws_secretsmanager_secret',
    ]);
    expect(prevented(ephemeral)).toEqual([]);
  });

  test('of the database is backed up, encrypted and protected', () => {
    expect(one(kept, 'aws_db_instance')).toMatchObject({
      backup_retention_period: 7,
      deletion_protection: true,
      skip_final_snapshot: false,
      final_snapshot_identifier: 'bulkhead-test-final',
      storage_encrypted: true,
      publicly_accessible: false,
    });
    expect(one(ephemeral, 'aws_db_instance')).toMatchObject({ deletion_protection: false, skip_final_snapshot: true });
  });

  test('of Redis goes over TLS with a token; with two nodes it fails over', () => {
    expect(one(kept, 'aws_elasticache_replication_group')).toMatchObject({
      transit_encryption_enabled: true,
      at_rest_encryption_enabled: 'true',
      automatic_failover_enabled: false,
    });
    expect(one(foundation({ aws: { redis: { nodes: 2 } } }), 'aws_elasticache_replication_group')).toMatchObject({
      num_cache_clusters: 2,
      automatic_failover_enabled: true,
      multi_az_enabled: true,
    });
  });

  test('of documents is private, versioned, encrypted, and old versions end', () => {
    expect(one(kept, 'aws_s3_bucket_public_access_block', 'documents')).toMatchObject({
      block_public_acls: true,
      block_public_policy: true,
      ignore_public_acls: true,
      restrict_public_buckets: true,
    });
    expect(one(kept, 'aws_s3_bucket_versioning', 'documents').versioning_configuration).toEqual({ status: 'Enabled' });
    expect(one(kept, 'aws_s3_bucket_lifecycle_configuration', 'documents').rule).toMatchObject([
      { noncurrent_version_expiration: [{ noncurrent_days: 30 }] },
    ]);
    expect(one(kept, 'aws_s3_bucket_policy', 'documents').policy).toContain('"aws:SecureTransport":"false"');
    expect(one(kept, 'aws_s3_bucket', 'documents').force_destroy).toBe(false);
    expect(one(ephemeral, 'aws_s3_bucket', 'documents').force_destroy).toBe(true);
  });
});

describe('secrets', () => {
  test('go through write-only arguments: neither state nor plan holds them', () => {
    for (const [id, version] of Object.entries(ofType(kept, 'aws_secretsmanager_secret_version')))
      if (!id.startsWith('redis_token')) expect(Object.keys(version)).not.toContain('secret_string');
    expect(one(kept, 'aws_db_instance')).toMatchObject({
      password_wo: '$' + '{ephemeral.aws_secretsmanager_secret_version.postgres_password_stored.secret_string}',
      password_wo_version: 1,
    });
    expect(one(kept, 'aws_db_instance').password).toBeUndefined();
  });

  test('let each tier into PostgreSQL as itself, over TLS whose certificate is checked', () => {
    const urls = Object.values(ofType(kept, 'aws_secretsmanager_secret_version'))
      .map(({ secret_string_wo }) => String(secret_string_wo))
      .filter((value) => value.startsWith('postgres://'));
    expect(urls.map((url) => url.slice('postgres://'.length, url.indexOf(':$'))).toSorted()).toEqual([
      'bulkhead',
      'bulkhead_api',
      'bulkhead_chat',
      'bulkhead_document_worker',
      'bulkhead_vectorstore',
    ]);
    for (const url of urls) expect(url).toMatch(/:5432\/bulkhead\?sslmode=verify-full$/);
  });

  test('are one each: no value serves two purposes', () => {
    const values = Object.values(ofType(kept, 'aws_secretsmanager_secret_version'))
      .map(({ secret_string_wo }) => secret_string_wo)
      .filter((value) => value !== undefined);
    expect(new Set(values).size).toBe(values.length);
  });

  test('of foreign endpoints exist only with the endpoint, and wait for a person', () => {
    const names = (stack: StackJson) =>
      Object.values(ofType(stack, 'aws_secretsmanager_secret')).map(({ name }) => String(name).split('/')[1]);
    expect(names(kept)).not.toContain('MODEL_API_KEY');
    const withModel = foundation({ chatModel: { url: 'https://models.example.com', model: 'm' } });
    expect(names(withModel)).toContain('MODEL_API_KEY');
    expect(one(withModel, 'aws_secretsmanager_secret_version', 'MODEL_API_KEY')).toMatchObject({
      secret_string_wo: 'unset',
    });
    expect(names(withModel)).not.toContain('MODEL_API_KEYS');
    const models = [{ name: 'm', url: 'https://models.example.com', contextTokens: 8000 }];
    expect(names(foundation({ models }))).not.toContain('MODEL_API_KEYS');
    const keyed = names(
      foundation({ models: models.map((one) => ({ ...one, key: 'k' })), reranker: { url: 'https://r.example' } }),
    );
    expect(keyed).toEqual(expect.arrayContaining(['MODEL_API_KEYS', 'RERANK_API_KEY']));
    expect(keyed).not.toContain('MODEL_API_KEY');
  });
});

describe('audit logs', () => {
  test('tell who reached what: connections, requests to the bucket; in a bucket whose objects end', () => {
    expect(one(kept, 'aws_flow_log')).toMatchObject({ traffic_type: 'ALL', log_destination_type: 's3' });
    expect(one(kept, 'aws_s3_bucket_logging').bucket).toContain('aws_s3_bucket.documents_bucket_');
    expect(one(kept, 'aws_s3_bucket_lifecycle_configuration', 'audit-logs').rule).toMatchObject([
      { expiration: [{ days: 30 }] },
    ]);
    const { service } = synthesized(sample());
    const balancers = Object.values(ofType(service, 'aws_lb'));
    expect(balancers.map(({ access_logs }) => (access_logs as Attributes).prefix).toSorted()).toEqual([
      'internal',
      'public',
    ]);
  });

  test('are a setting', () => {
    const none = synthesized(sample({ aws: { auditLogs: false } }));
    expect(ofType(none.foundation, 'aws_flow_log')).toEqual({});
    expect(Object.keys(ofType(none.foundation, 'aws_s3_bucket'))).toHaveLength(1);
    for (const balancer of Object.values(ofType(none.service, 'aws_lb'))) expect(balancer.access_logs).toBeUndefined();
  });
});

test('the group that AWS puts things into by default lets nothing through', () => {
  const group = one(kept, 'aws_default_security_group');
  expect([group.ingress, group.egress]).toEqual([undefined, undefined]);
});

describe('the way out', () => {
  const count = (stack: StackJson, type: string) => Object.keys(ofType(stack, type)).length;
  test.each([
    ['none', { nat: 0, instance: 0, out: 0, endpoints: interfaceServices(false).length }],
    ['instance', { nat: 0, instance: 1, out: 2, endpoints: 0 }],
    ['single', { nat: 1, instance: 0, out: 2, endpoints: 0 }],
    ['per-az', { nat: 2, instance: 0, out: 2, endpoints: 0 }],
  ] as const)('%s', (nat, expected) => {
    const stack = foundation({ aws: { nat } });
    const out = Object.entries(ofType(stack, 'aws_route')).filter(([id]) => id.includes('private-out'));
    const interfaces = Object.values(ofType(stack, 'aws_vpc_endpoint')).filter(
      ({ vpc_endpoint_type }) => vpc_endpoint_type === 'Interface',
    );
    expect({
      nat: count(stack, 'aws_nat_gateway'),
      instance: count(stack, 'aws_instance'),
      out: out.length,
      endpoints: interfaces.length,
    }).toEqual(expected);
  });

  test('to AWS APIs by endpoints: instances call five more than tasks do', () => {
    const services = (stack: StackJson) =>
      Object.values(ofType(stack, 'aws_vpc_endpoint'))
        .filter(({ vpc_endpoint_type }) => vpc_endpoint_type === 'Interface')
        .map(({ service_name }) => String(service_name).replace('com.amazonaws.us-east-1.', ''))
        .toSorted();
    const onTasks = services(foundation({ aws: { endpoints: true } }));
    const tiers = { web: { platform: 'vm', vcpu: 0.25, memoryMiB: 512 } } as never;
    const onInstances = services(foundation({ tiers, aws: { endpoints: true } }));
    expect(onInstances.filter((service) => !onTasks.includes(service))).toEqual([
      'autoscaling',
      'ec2messages',
      'ssm',
      'ssmmessages',
      'sts',
    ]);
  });

  test('of a NAT instance is there before it starts: it installs its packages then', () => {
    const instance = one(foundation({ aws: { nat: 'instance' } }), 'aws_instance');
    expect(instance.depends_on).toEqual([
      expect.stringMatching(/^aws_route\.network_public-out_/),
      expect.stringMatching(/^aws_vpc_endpoint\.network_endpoints_s3_/),
    ]);
  });

  test('per zone leads each private subnet to its own gateway', () => {
    const stack = foundation({ aws: { nat: 'per-az', zones: ['a', 'c'] } });
    for (const zone of ['a', 'c'])
      expect(one(stack, 'aws_route', `network_private-out-${zone}`).nat_gateway_id).toContain(`network_nat-${zone}_`);
    expect(Object.values(ofType(stack, 'aws_subnet')).map(({ availability_zone }) => availability_zone)).toContain(
      'us-east-1c',
    );
  });

  test('data subnets have none', () => {
    const routes = Object.values(ofType(kept, 'aws_route')).map(({ route_table_id }) => String(route_table_id));
    expect(routes.some((table) => table.includes('data'))).toBe(false);
  });

  test('subnets do not overlap', () => {
    const blocks = Object.values(ofType(foundation({ aws: { zones: ['a', 'b', 'c'] } }), 'aws_subnet')).map(
      ({ cidr_block }) => cidr_block,
    );
    expect(new Set(blocks).size).toBe(9);
    expect(blocks.every((block) => /^10\.0\.\d+\.0\/20$/.test(String(block)))).toBe(true);
  });
});

describe('the certificate', () => {
  test('is proven by a record in the zone, or by one that a person sets', () => {
    expect(addressBook(kept).some((address) => address.startsWith('aws_route53_record'))).toBe(false);
    expect(Object.keys(kept.output ?? {})).toContain('record-to-set');
    const zoned = foundation({ aws: { hostedZoneId: 'Z1' } });
    expect(one(zoned, 'aws_route53_record').zone_id).toBe('Z1');
  });

  test('of a host that is nobody’s is refused before an hour is waited for it', () => {
    const lifecycle = (stack: StackJson) => one(stack, 'aws_acm_certificate').lifecycle;
    expect(lifecycle(kept)).toMatchObject({
      precondition: [
        { error_message: 'The host test.example.com belongs to nobody. Set aws.publicHost to one of yours.' },
      ],
    });
    for (const publicHost of ['example.org', 'chat.example', 'chat.acme.test', 'chat.invalid', 'chat.localhost'])
      expect(lifecycle(foundation({ aws: { publicHost } }))).toHaveProperty('precondition');
    // Somebody's: names of a company that end like a reserved one.
    for (const publicHost of ['chat.acme.dev', 'chat.myexample.com', 'chat.test.dev'])
      expect(lifecycle(foundation({ aws: { publicHost } }))).not.toHaveProperty('precondition');
  });

  test('may be an existing one', () => {
    const stack = foundation({ aws: { certificateArn: 'arn:aws:acm:us-east-1:1:certificate/x' } });
    expect(ofType(stack, 'aws_acm_certificate')).toEqual({});
  });
});

test('the budget is the ceiling that synth checks, with warnings on the way', () => {
  expect(one(kept, 'aws_budgets_budget')).toMatchObject({
    limit_amount: '1000.0',
    cost_filter: [{ name: 'TagKeyValue', values: ['user:Environment$test'] }],
    notification: [{ threshold: 50 }, { threshold: 80 }, { threshold: 100 }],
  });
});

test('images cannot be moved, are scanned, and none with a tag expires: it may be the one that runs', () => {
  const repositories = Object.values(ofType(kept, 'aws_ecr_repository'));
  expect(repositories).toHaveLength(5);
  for (const repository of repositories)
    expect(repository).toMatchObject({
      image_tag_mutability: 'IMMUTABLE',
      image_scanning_configuration: { scan_on_push: true },
      force_delete: false,
    });
  const { rules } = JSON.parse(String(one(kept, 'aws_ecr_lifecycle_policy', 'images_api').policy));
  expect(rules.map(({ selection }: { selection: Attributes }) => selection.tagStatus)).toEqual(['untagged']);
});

test('a deploy to another account than the one named is refused by the provider', () => {
  expect(foundation({ aws: { accountId: '111122223333' } }).provider.aws[0]).toMatchObject({
    allowed_account_ids: ['111122223333'],
    default_tags: [{ tags: { Environment: 'test' } }],
  });
  expect(kept.provider.aws[0]).not.toHaveProperty('allowed_account_ids');
  expect(kept.provider.aws[0]).not.toHaveProperty('endpoints');
});
