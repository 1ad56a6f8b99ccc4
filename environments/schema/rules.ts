/** What must hold between the settings of an environment. */
import { definitionOf, type ServiceName } from '../../services/manifest.ts';
import { connectionsAsked, connectionsOf } from '../budget/postgres-connections.ts';
import { memoryMiBMin } from '../budget/scratch.ts';
import { existingFaults } from './existing-faults.ts';
import { kubernetesFaults } from './kubernetes.ts';
import { optionOf, type Placement } from './placement.ts';
import { type Environment, placedServices, placementsOf } from './schema.ts';

export interface Fault {
  readonly path: (string | number)[];
  readonly message: string;
}

export const environmentFaults = (environment: Environment): Fault[] => [
  ...tierFaults(environment),
  ...awsFaults(environment),
  ...existingFaults(environment),
  ...kubernetesFaults(environment),
  ...limitFaults(environment),
  ...embeddingFaults(environment),
  ...modelFaults(environment),
  ...governorFaults(environment),
];

const embeddingFaults = ({ embeddingModel, tiers }: Environment): Fault[] =>
  embeddingModel && tiers.embedding
    ? [{ path: ['embeddingModel'], message: 'given beside tiers.embedding; allowed is one of them' }]
    : [];

const modelFaults = ({ chatModel, models }: Environment): Fault[] =>
  chatModel && models ? [{ path: ['models'], message: 'given beside chatModel; allowed is one of them' }] : [];

const governorFaults = ({ chatModel, models, tiers }: Environment): Fault[] =>
  tiers.governor && !chatModel && !models
    ? [{ path: ['tiers', 'governor'], message: 'given without a model, which it protects; add chatModel or models' }]
    : [];

function tierFaults(environment: Environment): Fault[] {
  return placedServices(environment).flatMap((name) =>
    placementsOf(environment, name).flatMap((placement, index) =>
      placementFaults(environment, name, placement).map(
        ([field, message]): Fault => ({ path: ['tiers', name, index, field], message }),
      ),
    ),
  );
}

function placementFaults(
  { target, limits }: Environment,
  name: ServiceName,
  placement: Placement,
): [field: string, message: string][] {
  const { platform, memoryMiB, spotPercent } = placement;
  const definition = definitionOf(name);
  const local = platform === 'local';
  const least = memoryMiBMin(definition, placement, limits.uploadBytesMax);
  const counted = Object.keys(definition.memory?.perOptionMiB ?? {});
  const shape = counted.map((option) => `${option} ${optionOf(definition, placement, option)}`).join(', ');
  return [
    ...(local === (target === 'local')
      ? []
      : [
          [
            'platform',
            local
              ? "given 'local', allowed only with target: 'local'"
              : `given '${platform}', allowed with target: 'local' is only 'local'`,
          ] as [string, string],
        ]),
    ...(memoryMiB < least
      ? [
          [
            'memoryMiB',
            `given ${memoryMiB}; allowed with ${shape} and uploads of ${limits.uploadBytesMax} bytes: at least ${least}`,
          ] as [string, string],
        ]
      : []),
    ...(spotPercent > 0 && !definition.interruptible
      ? [
          [
            'spotPercent',
            `given ${spotPercent}; ${name} may not lose a replica at any moment: allowed for interruptible services`,
          ] as [string, string],
        ]
      : []),
  ];
}

function limitFaults({ limits }: Environment): Fault[] {
  const { turnTimeoutMs, deregistrationDelayMs, stopTimeoutMs } = limits;
  if (turnTimeoutMs <= deregistrationDelayMs && deregistrationDelayMs <= stopTimeoutMs) return [];
  return [
    {
      path: ['limits'],
      message: `given turnTimeoutMs ${turnTimeoutMs}, deregistrationDelayMs ${deregistrationDelayMs}, stopTimeoutMs ${stopTimeoutMs}; allowed: each at most the next`,
    },
  ];
}

/** Rules between the `aws` block and the rest of an environment. */
function awsFaults(environment: Environment): Fault[] {
  const { aws, target, tiers, chatModel, models, reranker, parser, embeddingModel } = environment;
  if (target !== 'aws')
    return aws ? [{ path: ['aws'], message: `given an aws block with target: '${target}'; leave it out` }] : [];
  if (!aws) return [{ path: ['aws'], message: "missing; required with target: 'aws'" }];
  const faults: Fault[] = [];
  const fault = (path: (string | number)[], message: string) => faults.push({ path, message });

  if (aws.nat === 'none') {
    const outside =
      (chatModel && 'chatModel') ??
      (models && 'models') ??
      (reranker && 'reranker') ??
      (parser && 'parser') ??
      (embeddingModel && 'embeddingModel') ??
      (environment.webhooks && 'webhooks') ??
      (aws.oidc && 'aws.oidc') ??
      (aws.mail && 'aws.mail');
    if (outside)
      fault(
        ['aws', 'nat'],
        `given 'none' with ${outside}, which lies outside; allowed: 'instance', 'single', 'per-az', or leave ${outside} out`,
      );
    if (!aws.endpoints)
      fault(
        ['aws', 'endpoints'],
        "given false with nat: 'none'; tiers then reach no AWS API: allowed is true, or another nat",
      );
  }
  const placed = Object.entries(tiers).map(([name, places]) => [name, places ?? []] as const);
  const onVm = placed.some(([, places]) => places.some(({ platform }) => platform === 'vm'));
  if (!aws.ami && (onVm || aws.nat === 'instance'))
    fault(
      ['aws', 'ami'],
      `missing; ${onVm ? "a tier is on 'vm'" : "nat is 'instance'"}: docs/operating.md has the command that finds one`,
    );
  for (const [name, places] of placed)
    for (const [index, { platform, spotPercent }] of places.entries())
      if (platform !== 'ecs' && spotPercent > 0)
        fault(
          ['tiers', name, index, 'spotPercent'],
          `given ${spotPercent} on '${platform}'; spot capacity is offered on 'ecs'`,
        );
  const { replicas, each } = connectionsAsked(tiers);
  const existing = aws.existing.postgres;
  const taken = existing?.connectionsMax ?? connectionsOf(aws.postgres.instanceClass);
  if (existing && replicas * each > existing.connectionsMax)
    fault(
      ['aws', 'existing', 'postgres', 'connectionsMax'],
      `given ${existing.connectionsMax}; ${replicas} replicas may open ${each} each: allowed are fewer replicas or at least ${replicas * each}`,
    );
  else if (taken !== undefined && replicas * each > taken)
    fault(
      ['aws', 'postgres', 'instanceClass'],
      `given '${aws.postgres.instanceClass}', which takes at most ${taken} connections; ${replicas} replicas may open ${each} each: allowed are fewer replicas or a larger class`,
    );
  const { limits } = environment;
  const onEcs = placed.find(([, places]) => places.some(({ platform }) => platform === 'ecs'));
  if (onEcs && limits.stopTimeoutMs > fargateStopTimeoutMsMax)
    fault(
      ['limits', 'stopTimeoutMs'],
      `given ${limits.stopTimeoutMs}; '${onEcs[0]}' is on 'ecs', where Fargate allows at most ${fargateStopTimeoutMsMax}`,
    );
  return faults;
}

/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html: stopTimeout, at most 120 s. */
const fargateStopTimeoutMsMax = 120_000;
