import type { EnvironmentInput } from '../../environments/environment.ts';

type Aws = NonNullable<EnvironmentInput['aws']>;

/** A small valid environment on AWS, with changes. */
export function sample(
  changes: Partial<Omit<EnvironmentInput, 'aws'>> & { aws?: Partial<Aws> } = {},
): EnvironmentInput {
  const { aws, tiers, ...rest } = changes;
  return {
    name: 'test',
    // What a governor protects.
    ...(tiers?.governor && !rest.models && { chatModel: { url: 'https://models.test/v1', model: 'm' } }),
    ...rest,
    tiers: {
      web: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512 },
      api: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512 },
      chat: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, slots: 32 },
      'document-worker': { platform: 'ecs', vcpu: 0.5, memoryMiB: 1024 },
      vectorstore: { platform: 'ecs', vcpu: 0.25, memoryMiB: 1024 },
      ...tiers,
    },
    aws: {
      region: 'us-east-1',
      stateBucket: 'state',
      publicHost: 'test.example.com',
      ami: 'ami-0123456789abcdef0',
      monthlyCeilingUsd: 1000,
      ...aws,
    },
  };
}
