import { describe, expect, test } from '@jest/globals';
import type { EnvironmentInput } from '../../../environments/environment.ts';
import { definitionOf, serviceNames } from '../../../services/manifest.ts';
import { only } from '../../constructs/platforms/kubernetes/manifests.ts';
import { sample } from '../../environments/sample.ts';
import { type Attributes, addressBook, ofType, one, type StackJson, synthesized } from '../synthesized.ts';

const names = serviceNames.filter((name) => !definitionOf(name).optional);
const there = { cluster: 'company', podCidr: '10.20.0.0/16' };
const pods = { platform: 'kubernetes', vcpu: 0.25, memoryMiB: 1024 } as const;

/** All tiers in a cluster. */
const allIn = (kubernetes: EnvironmentInput['kubernetes']) =>
  synthesized(sample({ kubernetes, tiers: Object.fromEntries(names.map((name) => [name, pods])) as never }));
const existing = allIn(there);
const cluster = existing.kubernetes as StackJson;

describe('the stack of a cluster', () => {
  test('is there where an environment names one, and nowhere else', () => {
    expect(synthesized(sample()).kubernetes).toBeUndefined();
    const empty = synthesized(sample({ kubernetes: there })).kubernetes as StackJson;
    expect(addressBook(empty).map((address) => address.split('.')[1]?.replace(/_[0-9A-F]{8}$/, ''))).toEqual([
      'namespace_limits',
      'namespace',
      'namespace_deny',
      'namespace_priority-batch',
      'namespace_priority-interactive',
      'namespace_priority-sustained',
      'namespace_quota',
    ]);
  });

  test('has a provider and a state of its own, reads the cluster by its name and holds no token', () => {
    expect(cluster.terraform.backend).toMatchObject({ s3: { key: 'test/kubernetes.tfstate', use_lockfile: true } });
    expect(cluster.data.aws_eks_cluster).toEqual({ cluster: { name: 'company' } });
    const [provider] = (cluster.provider as unknown as { kubernetes: Attributes[] }).kubernetes;
    expect(Object.keys(provider ?? {}).toSorted()).toEqual(['cluster_ca_certificate', 'exec', 'host']);
    expect(JSON.stringify(provider?.exec)).toContain('"get-token"');
  });

  test('is applied after the stack that holds routes and target groups', () => {
    for (const name of ['web', 'api', 'chat', 'vectorstore']) {
      const binding = one(cluster, 'kubernetes_manifest', `${name}_`).manifest as { spec: Attributes };
      expect(binding.spec.targetGroupARN).toContain(
        `cross-stack-reference-input-test-service.outputs.cross-stack-output-aws_lb_target_group${name}_kubernetes_`,
      );
    }
  });

  test('makes nothing before its namespace, its quota and what it denies', () => {
    const first = addressBook(cluster).filter((address) => address.includes('.namespace'));
    for (const type of ['kubernetes_deployment_v1', 'kubernetes_secret_v1', 'kubernetes_service_v1'])
      for (const { depends_on } of Object.values(ofType(cluster, type)))
        expect(depends_on).toEqual(expect.arrayContaining(first));
  });

  test('has no secret in its text, its state or its plan', () => {
    const text = JSON.stringify(cluster.resource);
    expect(text).not.toMatch(/"data":\{"[A-Z]/);
    expect(text.match(/\$\{ephemeral\./g)).toHaveLength(
      Object.keys(cluster.ephemeral?.aws_secretsmanager_secret_version ?? {}).length,
    );
  });
});

test('a collector on each node ships every tier’s log to the log group of the tier', () => {
  const config = (only(cluster, 'ConfigMap').data as Record<string, string>)['fluent-bit.conf'] ?? '';
  const shipped = [...config.matchAll(/Match (\S+)[^[]*?log_group_name (\S+)/g)].map(([, tier, group]) => [
    tier,
    group,
  ]);
  const groups = Object.values(ofType(existing.service, 'aws_cloudwatch_log_group')).map(({ name }) => name);
  expect(shipped).toEqual(expect.arrayContaining(names.map((name) => [name, `/bulkhead-test/${name}`])));
  expect(shipped.map(([, group]) => group).toSorted()).toEqual(groups.toSorted());
  const { policy } = one(existing.service, 'aws_iam_role_policy', 'kubernetes_log-role');
  const [{ Action, Resource }] = (JSON.parse(policy as string) as { Statement: [Record<string, string[]>] }).Statement;
  expect(Action).toEqual(['logs:CreateLogStream', 'logs:PutLogEvents']);
  expect(Resource).toHaveLength(names.length);
});

describe('security groups', () => {
  const rules = (stack: StackJson, type: string) =>
    Object.entries(ofType(stack, type))
      .filter(([id]) => id.startsWith('kubernetes_'))
      .map(([, rule]) => `${rule.description} : ${rule.to_port} ${rule.cidr_ipv4 ?? rule.referenced_security_group_id}`)
      .toSorted();

  test('admit the pods of a cluster of others by their addresses, to what tiers there use', () => {
    const from = '10.20.0.0/16';
    expect(rules(existing.service, 'aws_vpc_security_group_ingress_rule')).toEqual([
      `nodes to internal vectorstore : 8005 ${from}`,
      `nodes to postgres : 5432 ${from}`,
      `nodes to redis : 6379 ${from}`,
    ]);
    expect(rules(existing.service, 'aws_vpc_security_group_egress_rule')).toEqual([
      `internal to vectorstore : 8005 ${from}`,
      `public to api : 8002 ${from}`,
      `public to chat : 8003 ${from}`,
      `public to web : 8001 ${from}`,
    ]);
  });

  test('admit nobody while no tier runs there', () => {
    const { service } = synthesized(sample({ kubernetes: there }));
    expect(addressBook(service).filter((address) => address.includes('kubernetes'))).toEqual([]);
  });
});
