import type { EnvironmentInput } from './environment.ts';

/** The smallest environment that is always on: one replica of each tier, models of its own (none billed by others), one NAT instance. */
export const dev: EnvironmentInput = {
  name: 'dev',
  tiers: {
    web: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512 },
    api: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512 },
    chat: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, slots: 32 },
    'document-worker': { platform: 'vm', vcpu: 0.4, memoryMiB: 1536, parserChildren: 2 },
    vectorstore: { platform: 'ecs', vcpu: 0.25, memoryMiB: 1024 },
    // 563 MiB at most while it embeds a manual.
    embedding: { platform: 'ecs', vcpu: 0.25, memoryMiB: 1024 },
  },
  aws: {
    region: 'us-east-1',
    stateBucket: 'bulkhead-dev-state',
    publicHost: 'dev.bulkhead.example.com',
    ami: 'ami-00000000000000000',
    nat: 'instance',
    ephemeral: true,
    auditLogs: false,
    monthlyCeilingUsd: 170,
  },
};
