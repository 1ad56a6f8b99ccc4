import { describe, expect, test } from '@jest/globals';
import { ofType, one, type StackJson } from '../../../stacks/synthesized.ts';
import { context, placement, tierJson } from '../harness.ts';
import { conformance } from '../tier-conformance.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly cpu: number;
  readonly memory?: number;
  readonly readonlyRootFilesystem: boolean;
  readonly entryPoint?: string[];
  readonly command?: string[];
  readonly dependsOn?: unknown;
  readonly healthCheck?: { readonly command: string[] };
  readonly stopTimeout: number;
  readonly environment: { name: string; value: string }[];
  readonly secrets: { name: string; valueFrom: string }[];
  readonly linuxParameters: unknown;
  readonly logConfiguration: { options: Record<string, string> };
}

const containers = (stack: StackJson) =>
  JSON.parse(one(stack, 'aws_ecs_task_definition').container_definitions as string) as Container[];
const main = (stack: StackJson) => containers(stack)[0] as Container;

conformance({
  platform: 'ecs',
  compute: ['aws_ecs_service'],
  limits: (stack) => {
    const { cpu, memory } = one(stack, 'aws_ecs_task_definition');
    return { vcpu: Number(cpu) / 1024, memoryMiB: Number(memory) };
  },
  image: (stack) => main(stack).image,
  replicas: (stack) => {
    const [target] = Object.values(ofType(stack, 'aws_appautoscaling_target'));
    const count = Number(one(stack, 'aws_ecs_service').desired_count);
    return { min: count, max: target ? Number(target.max_capacity) : count };
  },
  logGroup: (stack) => main(stack).logConfiguration.options['awslogs-group'] as string,
  init: (stack) => {
    const init = containers(stack).find(({ name }) => name === 'init');
    return init && [...(init.entryPoint ?? []), ...(init.command ?? [])].join(' ');
  },
  // ECS also replaces a task that a balancer gives up, and cannot be told not to: /readyz must not refuse for a store that
  // every replica shares.
  replacedFor: (stack) => containers(stack).flatMap(({ healthCheck }) => healthCheck?.command.slice(1).join(' ') ?? []),
  secrets: (stack) => main(stack).secrets.map(({ name }) => name),
  initSecrets: (stack) =>
    containers(stack).flatMap(({ name, secrets }) => (name === 'init' ? secrets.map((secret) => secret.name) : [])),
  memoryFull: { metric: 'MemoryUtilization', at: () => 90 },
  stopSeconds: (stack) => main(stack).stopTimeout,
});

const ecs = (service: Parameters<typeof tierJson>[0], changes: Parameters<typeof placement>[0] = {}) =>
  tierJson(service, { placements: [placement(changes)] });

describe('the task', () => {
  test('its containers fit into it, each with a read-only root and no capability', () => {
    const stack = ecs('api');
    const { cpu, memory } = one(stack, 'aws_ecs_task_definition');
    const sum = (of: (container: Container) => number) => containers(stack).reduce((total, one) => total + of(one), 0);
    expect(sum((container) => container.cpu)).toBeLessThanOrEqual(Number(cpu));
    expect(sum((container) => container.memory ?? 0)).toBeLessThanOrEqual(Number(memory));
    for (const container of containers(stack))
      expect(container).toMatchObject({
        readonlyRootFilesystem: true,
        linuxParameters: { capabilities: { drop: ['ALL'] } },
        mountPoints: [{ containerPath: '/tmp' }],
      });
  });

  test('starts the service when the init step has succeeded', () => {
    expect(main(ecs('api')).dependsOn).toEqual([{ containerName: 'init', condition: 'SUCCESS' }]);
    expect(main(ecs('chat')).dependsOn).toBeUndefined();
  });

  test('lists settings by name, so that their order in a file changes nothing', () => {
    const stack = tierJson('chat', { settings: () => ({ PORT: '1', HOST: 'h', MODEL_URL: 'u' }) });
    expect(main(stack).environment.map(({ name }) => name)).toEqual(['HOST', 'MODEL_URL', 'PORT']);
  });

  test('of an impossible size is refused with the sizes there are', () => {
    expect(() => ecs('chat', { vcpu: 0.5, memoryMiB: 8192 })).toThrow(
      'no Fargate task has vcpu 0.5, memoryMiB 8192; allowed: with vcpu 0.5 memoryMiB 1024, 2048, 3072, 4096; nearest: vcpu 1, memoryMiB 8192',
    );
  });
});

describe('the service', () => {
  test('rolls a bad rollout back, and the apply says so', () => {
    const service = one(ecs('chat'), 'aws_ecs_service');
    expect(service).toMatchObject({
      deployment_circuit_breaker: { enable: true, rollback: true },
      deployment_minimum_healthy_percent: 100,
      wait_for_steady_state: true,
    });
    expect((service.lifecycle as { postcondition: unknown }).postcondition).toEqual([
      {
        condition: expect.stringMatching(
          /^\$\{self\.task_definition == aws_ecs_task_definition\.chat_ecs_task_\w+\.arn\}$/,
        ),
        error_message: 'The rollout of chat failed and was rolled back; its log group says why.',
      },
    ]);
  });

  test('ignores its count only where scaling sets it', () => {
    const ignored = (max: number) =>
      (one(ecs('chat', { replicas: { min: 1, max } }), 'aws_ecs_service').lifecycle as Record<string, unknown>)
        .ignore_changes;
    expect(ignored(1)).toBeUndefined();
    expect(ignored(2)).toEqual(['desired_count']);
  });

  test('shares replicas between on-demand and spot capacity', () => {
    const capacity = (spotPercent: number) =>
      (
        one(ecs('document-worker', { spotPercent }), 'aws_ecs_service').capacity_provider_strategy as {
          capacity_provider: string;
          weight: number;
        }[]
      ).map(({ capacity_provider, weight }) => [capacity_provider, weight]);
    expect(capacity(0)).toEqual([['FARGATE', 100]]);
    expect(capacity(30)).toEqual([
      ['FARGATE', 70],
      ['FARGATE_SPOT', 30],
    ]);
    expect(capacity(100)).toEqual([['FARGATE_SPOT', 100]]);
  });

  test('has no public address and uses the security group of its tier', () => {
    expect(one(ecs('chat'), 'aws_ecs_service').network_configuration).toMatchObject({
      assign_public_ip: false,
      subnets: context.privateSubnetIds,
      security_groups: [expect.stringContaining('aws_security_group.chat_security-group')],
    });
  });
});
