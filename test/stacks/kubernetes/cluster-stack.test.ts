/** A cluster that an environment has made for itself. */
import { describe, expect, test } from '@jest/globals';
import { definitionOf, serviceNames } from '../../../services/manifest.ts';
import { stackParts } from '../../../stacks/parts.ts';
import { only } from '../../constructs/platforms/kubernetes/manifests.ts';
import { sample } from '../../environments/sample.ts';
import { type Attributes, addressBook, ofType, one, type StackJson, synthesized } from '../synthesized.ts';

const names = serviceNames.filter((name) => !definitionOf(name).optional);
const pods = { platform: 'kubernetes', vcpu: 0.25, memoryMiB: 1024 } as const;
const made = { cluster: 'make', apiCidrs: ['203.0.113.7/32'] };
const all = Object.fromEntries(names.map((name) => [name, pods]));
const synth = (kubernetes: object, tiers: object = all, aws: object = {}) =>
  synthesized(sample({ kubernetes: { ...made, ...kubernetes }, tiers: tiers as never, aws }));
const stacks = synth({});
const cluster = stacks.cluster as StackJson;
const only1 = (type: string, start = '') => one(cluster, type, start);
const trust = (role: Attributes) =>
  (JSON.parse(role.assume_role_policy as string) as { Statement: [Record<string, unknown>] }).Statement[0];
const managed = (start: string) =>
  Object.entries(ofType(cluster, 'aws_iam_role_policy_attachment'))
    .filter(([id]) => id.startsWith(start))
    .map(([, { policy_arn }]) => String(policy_arn).split('/').at(-1))
    .toSorted();

test('is a stack of its own, applied before the roles of pods, and there only where it is asked for', () => {
  expect(stackParts(sample({ kubernetes: made }) as never)).toEqual(['foundation', 'cluster', 'service', 'kubernetes']);
  expect(cluster.terraform.backend).toMatchObject({ s3: { key: 'test/cluster.tfstate' } });
  const there = synthesized(sample({ kubernetes: { cluster: 'company', podCidr: '10.20.0.0/16' } }));
  expect(there.cluster).toBeUndefined();
});

test('without an adapter for external metrics its tiers scale on CPU alone, so that they also scale in', () => {
  const chat = { ...pods, slots: 64, replicas: { min: 1, max: 2 } };
  const types = (kubernetes: object) =>
    (
      one(synth(kubernetes, { ...all, chat }).kubernetes as StackJson, 'kubernetes_horizontal_pod_autoscaler_v2')
        .spec as { metric: { type: string }[] }
    ).metric.map(({ type }) => type);
  expect(types({})).toEqual(['Resource']);
  expect(types({ externalMetrics: true })).toEqual(['Resource', 'External', 'External']);
});

test('the control plane: private, encrypted, logged, and answering who deploys alone', () => {
  expect(only1('aws_eks_cluster')).toMatchObject({
    name: 'bulkhead-test',
    version: '1.34',
    access_config: { authentication_mode: 'API', bootstrap_cluster_creator_admin_permissions: true },
    bootstrap_self_managed_addons: false,
    deletion_protection: true,
    enabled_cluster_log_types: ['api', 'audit', 'authenticator', 'controllerManager', 'scheduler'],
    encryption_config: { resources: ['secrets'] },
    upgrade_policy: { support_type: 'STANDARD' },
    vpc_config: {
      endpoint_private_access: true,
      endpoint_public_access: true,
      public_access_cidrs: ['203.0.113.7/32'],
    },
  });
  expect(only1('aws_cloudwatch_log_group')).toMatchObject({
    name: '/aws/eks/bulkhead-test/cluster',
    retention_in_days: 30,
    kms_key_id: expect.stringContaining('aws_kms_key'),
  });
  const closed = synth({ apiCidrs: [] }, all, { ephemeral: true }).cluster as StackJson;
  const { vpc_config, deletion_protection } = one(closed, 'aws_eks_cluster');
  expect(vpc_config).not.toHaveProperty('public_access_cidrs');
  expect(vpc_config).toMatchObject({ endpoint_public_access: false });
  expect(deletion_protection).toBe(false);
});

test('administrators are named one by one', () => {
  const arn = 'arn:aws:iam::123456789012:role/deploy';
  const named = synth({ adminArns: [arn] }).cluster as StackJson;
  expect(one(named, 'aws_eks_access_entry')).toMatchObject({ principal_arn: arn });
  expect(one(named, 'aws_eks_access_policy_association')).toMatchObject({
    principal_arn: arn,
    access_scope: { type: 'cluster' },
    policy_arn: 'arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy',
  });
  expect(ofType(cluster, 'aws_eks_access_entry')).toEqual({});
});

describe('nodes', () => {
  const sizes = (stack: StackJson) => one(stack, 'aws_eks_node_group').scaling_config as Attributes;

  test('are as many as the budgets need, of the environment’s architecture', () => {
    // Five pods of 15.1 % (1,024 of 6,782 MiB) and five of the cluster's own of 5.8 %: 1.04 of nodes that are 84.9 % full.
    expect(sizes(cluster)).toEqual({ min_size: 2, desired_size: 2, max_size: 2 });
    expect(only1('aws_eks_node_group')).toMatchObject({
      ami_type: 'AL2023_ARM_64_STANDARD',
      instance_types: ['m7g.large'],
      capacity_type: 'ON_DEMAND',
      version: '1.34',
      update_config: { max_unavailable: 1 },
    });
    const many = { ...all, chat: { ...pods, vcpu: 0.5, replicas: { min: 1, max: 8 } } };
    // 8 x 28.9 %, 4 x 15.1 %, 5 x 5.8 %: 3.2 of nodes that are 71.1 % full.
    expect(sizes(synth({}, many).cluster as StackJson).desired_size).toBe(5);
    expect(sizes(synth({ nodes: 7 }, many).cluster as StackJson).desired_size).toBe(7);
    const intel = synth({}, all, { architecture: 'x86_64' }).cluster as StackJson;
    expect(one(intel, 'aws_eks_node_group')).toMatchObject({
      ami_type: 'AL2023_x86_64_STANDARD',
      instance_types: ['m7i.large'],
    });
  });

  test('hold no right of a pod, and pods none of theirs', () => {
    expect(only1('aws_launch_template')).toMatchObject({
      metadata_options: { http_tokens: 'required', http_put_response_hop_limit: 1 },
    });
    expect(managed('nodes_')).toEqual(['AmazonEC2ContainerRegistryPullOnly', 'AmazonEKSWorkerNodePolicy']);
    expect(managed('network-add-ons_')).toEqual(['AmazonEKS_CNI_Policy']);
    expect(managed('control-plane_')).toEqual(['AmazonEKSClusterPolicy']);
  });

  test('join when their network is there, and others follow them', () => {
    const after = only1('aws_eks_node_group').depends_on as string[];
    for (const name of ['vpc-cni', 'kube-proxy', 'eks-pod-identity-agent'])
      expect(
        after.some((address) => address.startsWith('aws_eks_addon.network-add-ons_') && address.includes(name)),
      ).toBe(true);
    for (const name of ['coredns', 'metrics-server'])
      expect(only1('aws_eks_addon', `add-ons_${name}`).depends_on).toEqual([
        expect.stringMatching(/^aws_eks_node_group\.nodes_/),
      ]);
  });
});

test('every add-on has a version, and the network enforces policies', () => {
  const addOns = Object.values(ofType(cluster, 'aws_eks_addon'));
  expect(addOns.map(({ addon_name }) => addon_name).toSorted()).toEqual([
    ...['coredns', 'eks-pod-identity-agent', 'kube-proxy', 'metrics-server', 'vpc-cni'],
  ]);
  for (const { addon_version } of addOns) expect(addon_version).toMatch(/^v\d+\.\d+\.\d+-eksbuild\.\d+$/);
  const network = only1('aws_eks_addon', 'network-add-ons_vpc-cni');
  expect(JSON.parse(network.configuration_values as string)).toEqual({ enableNetworkPolicy: 'true' });
  expect(network.pod_identity_association).toMatchObject([{ service_account: 'aws-node' }]);
  for (const version of ['1.33', '1.34', '1.35']) {
    const proxy = one(synth({ version }).cluster as StackJson, 'aws_eks_addon', 'network-add-ons_kube-proxy');
    expect(proxy.addon_version).toMatch(new RegExp(`^v${version.replace('.', '\\.')}\\.`));
  }
});

test('the controller of target groups may register pods and nothing else', () => {
  expect(only1('aws_eks_pod_identity_association')).toMatchObject({
    namespace: 'kube-system',
    service_account: 'aws-load-balancer-controller',
  });
  const { policy } = only1('aws_iam_role_policy', 'add-ons_controller-role');
  const { Statement } = JSON.parse(policy as string) as { Statement: { Action: string[]; Resource: string[] }[] };
  const changing = Statement.filter(({ Resource }) => !Resource.includes('*')).flatMap(({ Action }) => Action);
  expect(changing.map((action) => action.split(':')[1]).toSorted()).toEqual([
    ...['DeregisterTargets', 'ModifyTargetGroup', 'ModifyTargetGroupAttributes', 'RegisterTargets'],
  ]);
});

describe('tiers in it', () => {
  test('hold the role of their tier, with what the same tier has on ECS', () => {
    const statements = (stack: StackJson, id: string) =>
      (JSON.parse(one(stack, 'aws_iam_role_policy', id).policy as string) as { Statement: unknown[] }).Statement;
    const ecs = synthesized(sample()).service;
    for (const name of names) {
      const [id] = Object.keys(ofType(ecs, 'aws_iam_role_policy')).filter((key) =>
        key.startsWith(`${name}_ecs_run-role`),
      );
      const own = `${name}_kubernetes_run-role`;
      if (!id) {
        expect(Object.keys(ofType(stacks.service, 'aws_iam_role')).filter((key) => key.startsWith(own))).toEqual([]);
        continue;
      }
      expect(statements(stacks.service, own)).toEqual(statements(ecs, id));
      expect(trust(one(stacks.service, 'aws_iam_role', own))).toMatchObject({
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        Principal: { Service: 'pods.eks.amazonaws.com' },
      });
      expect(one(stacks.service, 'aws_eks_pod_identity_association', `${name}_kubernetes`)).toMatchObject({
        cluster_name: 'bulkhead-test',
        namespace: 'bulkhead-test',
        service_account: name,
      });
    }
  });

  test('are found by name by the stack of their objects', () => {
    expect((stacks.kubernetes as StackJson).data.aws_eks_cluster).toEqual({ cluster: { name: 'bulkhead-test' } });
    expect(only(stacks.kubernetes as StackJson, 'ResourceQuota').spec).toBeDefined();
  });

  test('reach stores and are reached by balancers by the group of their nodes, never by addresses', () => {
    const rules = ['aws_vpc_security_group_ingress_rule', 'aws_vpc_security_group_egress_rule'].flatMap((type) =>
      Object.entries(ofType(stacks.service, type)).filter(([id]) => id.startsWith('kubernetes_')),
    );
    const peers = rules.map(([id, rule]) => {
      const group = JSON.stringify([rule.security_group_id, rule.referenced_security_group_id]);
      expect(rule.cidr_ipv4).toBeUndefined();
      expect(group).toContain('cluster_security_group_id');
      return id.replace(/^kubernetes_rules_|_[0-9A-F]{8}$/g, '');
    });
    expect(peers.toSorted()).toEqual(
      [
        ...['internal-to-vectorstore', 'public-to-api', 'public-to-chat', 'public-to-web'].flatMap((id) => [
          `${id}-in`,
          `${id}-out`,
        ]),
        ...['nodes-to-internal-vectorstore-in', 'nodes-to-postgres-in', 'nodes-to-redis-in'],
      ].toSorted(),
    );
  });

  test('and nodes pass to private endpoints of AWS, where there are any', () => {
    expect(addressBook(cluster).filter((address) => address.includes('endpoints'))).toEqual([]);
    const { cluster: behind } = synth({}, all, { endpoints: true });
    expect(one(behind as StackJson, 'aws_vpc_security_group_ingress_rule')).toMatchObject({ from_port: 443 });
  });
});
