/** Somebody else's services on our constructs: what the example promises, and what the policies ask of any stack. */
import { beforeAll, expect, test } from '@jest/globals';
import { App, Aspects, Testing } from 'cdktf';
import { ThirdPartyStack } from '../../../constructs/examples/third-party-stack.ts';
import { policies } from '../../../constructs/policies/policies.ts';
import { type Attributes, faultsOf, ofType, one, type StackJson } from '../../stacks/synthesized.ts';

const digest = `sha256:${'a'.repeat(64)}`;
let stack: StackJson;
let faults: unknown[];

beforeAll(() => {
  const example = new ThirdPartyStack(new App(), 'example', {
    prefix: 'example-dev',
    region: 'us-east-1',
    certificateArn: 'arn:certificate',
    ami: 'ami-0123456789abcdef0',
    images: {
      grafana: { repositoryUrl: 'docker.io/grafana/grafana', digest },
      qdrant: { repositoryUrl: 'docker.io/qdrant/qdrant', digest },
    },
  });
  for (const policy of Object.values(policies)) Aspects.of(example).add(policy);
  stack = JSON.parse(Testing.synth(example, true)) as StackJson;
  faults = faultsOf(example);
});

test('no policy finds a fault', () => {
  expect(faults).toEqual([]);
});

test('a task runs the foreign image with its init step, its variables and its secret, and no health check of ours', () => {
  const task = one(stack, 'aws_ecs_task_definition', 'grafana');
  const [service, init] = JSON.parse(task.container_definitions as string) as Attributes[];
  expect(service).toMatchObject({ name: 'grafana', image: `docker.io/grafana/grafana@${digest}` });
  expect(service).not.toHaveProperty('healthCheck');
  expect(service?.environment).toContainEqual({ name: 'GF_PATHS_DATA', value: '/tmp/grafana' });
  expect(JSON.stringify(service?.environment)).toMatch(/QDRANT_URL","value":"http:\/\/\$\{[^}]+\}:6333"/);
  expect(service?.secrets).toEqual([{ name: 'GF_SECURITY_ADMIN_PASSWORD', valueFrom: expect.stringContaining('arn') }]);
  expect([init?.entryPoint, init?.command].flat()).toContain('plugins');
});

test('an instance runs the other one, and is ready when its own health path answers', () => {
  const boot = JSON.stringify(stack.locals);
  expect(boot).toContain(`docker.io/qdrant/qdrant@${digest}`);
  expect(boot).toContain('http://127.0.0.1:6333/readyz');
  expect(boot).toContain('QDRANT__STORAGE__STORAGE_PATH=/tmp/storage');
});

test('each declared edge is a rule, and there is no other', () => {
  const rules = Object.values(ofType(stack, 'aws_vpc_security_group_ingress_rule')).map(
    ({ description }) => description,
  );
  expect(rules.toSorted()).toEqual(
    ['anybody', 'anybody', 'public to grafana', 'grafana to qdrant', 'internal to qdrant'].toSorted(),
  );
});

test('routes, balancing and scaling follow the definition', () => {
  expect(one(stack, 'aws_lb_listener_rule')).toMatchObject({
    priority: 10,
    condition: [{ path_pattern: { values: ['/*'] } }],
  });
  expect(one(stack, 'aws_lb_target_group', 'qdrant').load_balancing_algorithm_type).toBe('least_outstanding_requests');
  expect(one(stack, 'aws_lb_target_group', 'grafana').health_check).toMatchObject({ path: '/api/health' });
  expect(one(stack, 'aws_appautoscaling_policy')).toMatchObject({
    target_tracking_scaling_policy_configuration: { target_value: 60 },
  });
});

test('no role may pull from a registry of the account', () => {
  expect(JSON.stringify(ofType(stack, 'aws_iam_role_policy'))).not.toContain('ecr:');
});
