/**
 * A live tier is changed in place: no setting of a placement may make the provider destroy what serves and only then
 * create it again. Which attributes do that is not in the configuration but in the provider's source, so it is written
 * down here; an attribute that nobody looked up fails.
 */
import { createRequire } from 'node:module';
import { expect, test } from '@jest/globals';
import { placementFields } from '../../environments/schema/placement.ts';
import { definitionOf, type ServiceName, serviceNames } from '../../services/manifest.ts';
import { sample } from '../environments/sample.ts';
import { type Attributes, type StackJson, synthesized } from './synthesized.ts';

/**
 * Read from terraform-provider-aws, `internal/service/*`; look again when the bindings move on. Those of
 * terraform-provider-kubernetes follow what the API of Kubernetes lets be updated; its source was not read.
 */
const provider = '6.25.0';
const kubernetesProvider = '2.38.0';

type Verdict = 'in place' | 'replaced' | ((was: Attributes, is: Attributes) => 'in place' | 'replaced');

/** What the provider does when the attribute changes, for every attribute that a placement's setting reaches. */
const verdicts: Readonly<Record<string, Verdict>> = {
  // capacityProviderStrategyCustomizeDiff: ForceNew, unless a deployment is forced and neither side is empty. Later
  // releases refuse the change instead of replacing.
  'aws_ecs_service.capacity_provider_strategy': (was, is) =>
    is.force_new_deployment === true && [was, is].every((one) => length(one.capacity_provider_strategy) > 0)
      ? 'in place'
      : 'replaced',
  'aws_ecs_service.desired_count': 'in place',
  // Terraform's own: what it ignores and checks.
  'aws_ecs_service.lifecycle': 'in place',
  'aws_ecs_task_definition.container_definitions': 'replaced',
  'aws_ecs_task_definition.cpu': 'replaced',
  'aws_ecs_task_definition.memory': 'replaced',
  'aws_autoscaling_group.default_instance_warmup': 'in place',
  'aws_autoscaling_group.min_size': 'in place',
  'aws_autoscaling_group.max_size': 'in place',
  'aws_autoscaling_group.min_elb_capacity': 'in place',
  // A new version of the same template.
  'aws_launch_template.instance_type': 'in place',
  'aws_appautoscaling_target.min_capacity': 'in place',
  'aws_appautoscaling_target.max_capacity': 'in place',
  'aws_cloudwatch_metric_alarm.threshold': 'in place',
  'aws_lb_listener_rule.action': 'in place',
  'aws_lb_listener.default_action': 'in place',
  // Its selector forces a new one. Else the cluster rolls out, and takes no pod away before another is ready.
  'kubernetes_deployment_v1.spec': (was, is) =>
    same(was.spec, is.spec, 'selector') && [was, is].every(rollsWithoutGap) ? 'in place' : 'replaced',
  'kubernetes_deployment_v1.timeouts': 'in place',
  'aws_eks_node_group.scaling_config': 'in place',
  'kubernetes_horizontal_pod_autoscaler_v2.spec': 'in place',
  'kubernetes_resource_quota_v1.spec': 'in place',
};

/** Scaling comes and goes with a range of replicas; the tier serves without it. */
const mayComeAndGo = [
  ...['aws_appautoscaling_target', 'aws_appautoscaling_policy', 'aws_autoscaling_policy'],
  'kubernetes_horizontal_pod_autoscaler_v2',
];

const same = (was: unknown, is: unknown, key: string): boolean =>
  JSON.stringify((was as Attributes)[key]) === JSON.stringify((is as Attributes)[key]);

function rollsWithoutGap({ spec }: Attributes): boolean {
  const { strategy } = spec as { strategy: { type: string; rolling_update: { max_unavailable: string } } };
  return strategy.type === 'RollingUpdate' && strategy.rolling_update.max_unavailable === '0';
}

const length = (value: unknown): number => (Array.isArray(value) ? value.length : 0);

/** Every setting of a placement but its platform, which is a swap (swap.test.ts). */
const levers: Readonly<Record<string, readonly object[]>> = {
  vcpu: [{ vcpu: 1 }],
  memoryMiB: [{ memoryMiB: 4096 }],
  replicas: [{ replicas: 2 }, { replicas: { min: 1, max: 3 } }, { replicas: { min: 2, max: 5 } }],
  weight: [{ weight: 50 }],
  slots: [{ slots: 32 }],
  maxInFlight: [{ maxInFlight: 32 }],
  parserChildren: [{ parserChildren: 2 }],
  parserIsolation: [{ parserIsolation: 'required' }],
  spotPercent: [{ spotPercent: 50 }, { spotPercent: 100 }],
};

/** Settings that one service or platform alone has. */
function only(lever: string, service: ServiceName, platform: string): boolean {
  const { options = {}, interruptible = false } = definitionOf(service);
  if (lever === 'spotPercent') return interruptible && platform === 'ecs';
  return lever in placementFields || lever in options;
}

const platforms = ['ecs', 'vm', 'kubernetes'] as const;
/** One that is made: its nodes change with the budgets. */
const kubernetes = { cluster: 'make', apiCidrs: [] } as const;

/** All tiers on one platform, each changed where it has the setting. */
function changed(platform: (typeof platforms)[number], lever = '', change: object = {}): StackJson {
  const base = { platform, vcpu: 0.5, memoryMiB: 2048 };
  const tiers = Object.fromEntries(
    serviceNames.map((name) => [name, { ...base, ...(only(lever, name, platform) && change) }]),
  );
  const stacks = synthesized(
    sample({
      tiers: tiers as never,
      aws: { postgres: { instanceClass: 'db.t4g.medium' } },
      ...(platform === 'kubernetes' && { kubernetes: kubernetes as never }),
    }),
  );
  const { service, cluster, kubernetes: inCluster } = stacks;
  // The stacks have no type in common but those of AWS, and no id.
  const resource: StackJson['resource'] = { ...service.resource, ...inCluster?.resource };
  for (const [type, byId] of Object.entries(cluster?.resource ?? {})) resource[type] = { ...resource[type], ...byId };
  return { ...service, resource };
}

/** What a change of a live environment would destroy before its successor is there. */
function destroyedFirst(from: StackJson, to: StackJson): string[] {
  return Object.entries(from.resource).flatMap(([type, byId]) =>
    Object.entries(byId).flatMap(([id, was]) => {
      const is = to.resource[type]?.[id];
      if (!is) return mayComeAndGo.includes(type) ? [] : [`${type}.${id} is gone`];
      const keys = new Set([...Object.keys(was), ...Object.keys(is)]);
      const replacing = [...keys]
        .filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]))
        .filter((key) => {
          const verdict = verdicts[`${type}.${key}`];
          if (!verdict) throw new Error(`nobody looked up what a change of ${type}.${key} does (provider ${provider})`);
          return (typeof verdict === 'function' ? verdict(was, is) : verdict) === 'replaced';
        });
      return replacing.length === 0 || safe(type, is) ? [] : [`${type}.${id} for its ${replacing.join(', ')}`];
    }),
  );
}

/** A successor first; or a revision, which is only forgotten, never deleted. */
const safe = (type: string, { lifecycle, skip_destroy }: Attributes): boolean =>
  (lifecycle as Attributes | undefined)?.create_before_destroy === true ||
  (type === 'aws_ecs_task_definition' && skip_destroy === true);

test('every setting of a placement is a lever', () => {
  const options = serviceNames.flatMap((name) => Object.keys(definitionOf(name).options ?? {}));
  const settings = Object.keys(placementFields).filter((field) => field !== 'platform');
  expect(Object.keys(levers).toSorted()).toEqual([...settings, ...options].toSorted());
});

test('the bindings are of the provider that was read', () => {
  const bindings = createRequire(import.meta.url)('@cdktf/provider-aws/package.json') as Attributes;
  const { service, kubernetes: inCluster } = synthesized(
    sample({ kubernetes: { cluster: 'company', podCidr: '10.20.0.0/16' } }),
  );
  const used = JSON.stringify(service.terraform);
  expect(JSON.stringify(inCluster?.terraform)).toContain(`"version":"${kubernetesProvider}"`);
  expect({ bindings: bindings.version, used }).toEqual({
    bindings: '21.22.1',
    used: expect.stringContaining(`"version":"${provider}"`),
  });
});

test.each(platforms)(
  'no setting of a placement on %s destroys what serves before its successor is there',
  (platform) => {
    for (const [lever, changes] of Object.entries(levers)) {
      const states = [changed(platform), ...changes.map((change) => changed(platform, lever, change))];
      for (const from of states)
        for (const to of states)
          expect({ lever, destroyed: destroyedFirst(from, to) }).toEqual({ lever, destroyed: [] });
    }
  },
);

test('a replacement is found', () => {
  const service = (change: Attributes) => ({ resource: { aws_ecs_service: { one: change } } }) as unknown as StackJson;
  const spot = { capacity_provider_strategy: [{ capacity_provider: 'FARGATE_SPOT' }] };
  const fixed = { capacity_provider_strategy: [{ capacity_provider: 'FARGATE' }] };
  expect(destroyedFirst(service(fixed), service(spot))).toEqual([
    'aws_ecs_service.one for its capacity_provider_strategy',
  ]);
  const forced = { force_new_deployment: true };
  expect(destroyedFirst(service({ ...fixed, ...forced }), service({ ...spot, ...forced }))).toEqual([]);
  const none = { ...forced, capacity_provider_strategy: [] };
  expect(destroyedFirst(service(none), service({ ...spot, ...forced }))).toHaveLength(1);
});
