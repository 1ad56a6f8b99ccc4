/**
 * The task of a tier: its service, and before it the init step where there is one. Every field that ECS would fill in is
 * written out, so that a plan compares like with like (provider-aws #11526).
 */
import { EcsTaskDefinition } from '@cdktf/provider-aws/lib/ecs-task-definition/index.js';
import type { Construct } from 'constructs';
import { checkContainers, fargateSize } from '../../../environments/budget/budget.ts';
import { nameOf } from '../../../environments/wiring/names.ts';
import { plainSettings } from '../../../environments/wiring/plain-settings.ts';
import { initSecretsOf, runGrants, secretsOf, startGrants } from '../../tier/grants.ts';
import { Role } from '../../tier/role.ts';
import type { PlatformProps } from '../../tier/tier-props.ts';

/** Asks `/livez`. */
const builtHealthCommand = ['node', 'health.js'];

const references = (secrets: readonly (readonly [name: string, arn: string])[]) =>
  secrets.map(([name, arn]) => ({ name, valueFrom: arn }));

export function taskDefinition(scope: Construct, name: string, props: PlatformProps): EcsTaskDefinition {
  const { service, definition, context, placement, image, logGroup } = props;
  const { port, build, healthCommand = build && builtHealthCommand } = definition;
  const size = fargateSize(placement);
  checkContainers(placement, [{ name: service, vcpu: size.cpuUnits / 1024, memoryMiB: size.memoryMiB }]);
  const init = definition.initStep?.command;

  const common = {
    image: `${image.repositoryUrl}@${image.digest}`,
    environment: plainSettings(props.settings, props.secrets).map(([key, value]) => ({ name: key, value })),
    secrets: references(secretsOf(props)),
    readonlyRootFilesystem: true,
    linuxParameters: { initProcessEnabled: true, capabilities: { drop: ['ALL'] } },
    mountPoints: [{ sourceVolume: 'tmp', containerPath: '/tmp', readOnly: false }],
    stopTimeout: Math.ceil(context.limits.stopTimeoutMs / 1000),
  };
  const logs = (stream: string) => ({
    logDriver: 'awslogs',
    options: {
      'awslogs-group': logGroup.name,
      'awslogs-region': context.region,
      'awslogs-stream-prefix': `ecs-${stream}`,
      // A slow CloudWatch must not stop a service that writes a line.
      mode: 'non-blocking',
      'max-buffer-size': '4m',
    },
  });
  const containers = [
    {
      ...common,
      name: service,
      essential: true,
      cpu: size.cpuUnits,
      memory: size.memoryMiB,
      portMappings: [{ containerPort: port, hostPort: port, protocol: 'tcp' }],
      // ECS does not read the image's own. A task that fails it is replaced.
      ...(healthCommand && {
        healthCheck: { command: ['CMD', ...healthCommand], interval: 30, timeout: 5, retries: 3, startPeriod: 60 },
      }),
      logConfiguration: logs('tier'),
      ...(init ? { dependsOn: [{ containerName: 'init', condition: 'SUCCESS' }] } : {}),
    },
    // Ends before the service starts, so it needs no share of its own: the task's size bounds it.
    ...(init
      ? [
          {
            ...common,
            name: 'init',
            secrets: references([...secretsOf(props), ...initSecretsOf(props)]),
            essential: false,
            cpu: 0,
            entryPoint: init.slice(0, 2),
            command: init.slice(2),
            logConfiguration: logs('init'),
          },
        ]
      : []),
  ];
  const role = (id: 'execution' | 'run', statements: ReturnType<typeof startGrants>) =>
    new Role(scope, `${id}-role`, {
      name: `${name}-${id}`,
      assumedBy: { service: 'ecs-tasks.amazonaws.com' },
      accountId: context.accountId,
      statements,
    });
  const execution = role('execution', startGrants(props));
  const run = role('run', runGrants(props));
  return new EcsTaskDefinition(scope, 'task', {
    family: nameOf('ECS family', name),
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: String(size.cpuUnits),
    memory: String(size.memoryMiB),
    runtimePlatform: {
      operatingSystemFamily: 'LINUX',
      cpuArchitecture: context.architecture === 'arm64' ? 'ARM64' : 'X86_64',
    },
    executionRoleArn: execution.arn,
    taskRoleArn: run.arn,
    containerDefinitions: JSON.stringify(containers),
    volume: [{ name: 'tmp' }],
    // Old revisions stay: the circuit breaker and a person go back to them.
    skipDestroy: true,
    tags: { Tier: service },
    dependsOn: [execution.policy, run.policy].filter((policy) => policy !== undefined),
  });
}
