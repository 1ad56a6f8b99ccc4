import type { EnvironmentInput } from './environment.ts';

/** Survives the loss of a zone: two of everything that serves, a standby database, a way out per zone. */
export const prod: EnvironmentInput = {
  name: 'prod',
  tiers: {
    web: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, replicas: 2 },
    api: { platform: 'ecs', vcpu: 0.5, memoryMiB: 1024, replicas: { min: 2, max: 6 } },
    chat: { platform: 'ecs', vcpu: 0.5, memoryMiB: 1024, replicas: { min: 2, max: 8 }, slots: 64 },
    'document-worker': { platform: 'ecs', vcpu: 2, memoryMiB: 4096, replicas: { min: 2, max: 6 }, spotPercent: 50 },
    vectorstore: { platform: 'vm', vcpu: 2, memoryMiB: 12_288, replicas: 2 },
  },
  chatModel: { url: 'https://api.openai.com/v1', model: 'gpt-5-mini' },
  embeddingModel: { url: 'https://api.openai.com/v1', model: 'text-embedding-3-small', dimensions: 1536 },
  aws: {
    region: 'us-east-1',
    zones: ['a', 'b', 'c'],
    stateBucket: 'bulkhead-prod-state',
    publicHost: 'bulkhead.example.com',
    ami: 'ami-00000000000000000',
    nat: 'per-az',
    endpoints: true,
    postgres: { instanceClass: 'db.t4g.medium', storageGiB: 100, multiAz: true, backupDays: 14 },
    redis: { nodeType: 'cache.t4g.small', nodes: 2 },
    logRetentionDays: 90,
    monthlyCeilingUsd: 1300,
  },
};
