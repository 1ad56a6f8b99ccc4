import type { EnvironmentInput } from './environment.ts';

/** Production's shape at a smaller size: the same platforms, endpoints and protections, one of most things. */
export const staging: EnvironmentInput = {
  name: 'staging',
  tiers: {
    web: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512 },
    api: { platform: 'ecs', vcpu: 0.5, memoryMiB: 1024, replicas: { min: 1, max: 2 } },
    chat: { platform: 'ecs', vcpu: 0.5, memoryMiB: 1024, replicas: { min: 1, max: 3 }, slots: 64 },
    'document-worker': { platform: 'vm', vcpu: 1, memoryMiB: 3072, replicas: { min: 1, max: 2 } },
    vectorstore: { platform: 'vm', vcpu: 1, memoryMiB: 3072 },
  },
  chatModel: { url: 'https://api.openai.com/v1', model: 'gpt-5-mini' },
  embeddingModel: { url: 'https://api.openai.com/v1', model: 'text-embedding-3-small', dimensions: 1536 },
  aws: {
    region: 'us-east-1',
    stateBucket: 'bulkhead-staging-state',
    publicHost: 'staging.bulkhead.example.com',
    ami: 'ami-00000000000000000',
    nat: 'single',
    postgres: { instanceClass: 'db.t4g.small' },
    monthlyCeilingUsd: 350,
  },
};
