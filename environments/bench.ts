import type { EnvironmentInput } from './environment.ts';

/**
 * Small enough that every tier's container runs beside the load generator on two cores: the CPUs sum to 1.5. Container
 * benches read its budgets; it can be deployed too, so its figures can be taken in AWS as well.
 */
export const bench: EnvironmentInput = {
  name: 'bench',
  tiers: {
    web: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512 },
    api: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512 },
    chat: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, slots: 32 },
    'document-worker': { platform: 'ecs', vcpu: 0.25, memoryMiB: 2048, parserChildren: 2 },
    // Searches and the worker's commits share it: twice what the worker has, and a saturated worker cannot fill it.
    vectorstore: { platform: 'ecs', vcpu: 0.5, memoryMiB: 1024 },
  },
  aws: {
    region: 'us-east-1',
    stateBucket: 'bulkhead-bench-state',
    publicHost: 'bench.bulkhead.example.com',
    ami: 'ami-00000000000000000',
    nat: 'instance',
    ephemeral: true,
    auditLogs: false,
    monthlyCeilingUsd: 150,
  },
};
