import type { EnvironmentInput } from './environment.ts';

/** `npm start`: every tier is a process on this machine. */
export const local: EnvironmentInput = {
  name: 'local',
  target: 'local',
  tiers: {
    web: { platform: 'local', vcpu: 0.25, memoryMiB: 256 },
    api: { platform: 'local', vcpu: 0.5, memoryMiB: 512 },
    chat: { platform: 'local', vcpu: 0.5, memoryMiB: 512, slots: 64 },
    'document-worker': { platform: 'local', vcpu: 2, memoryMiB: 1536, parserChildren: 2 },
    vectorstore: { platform: 'local', vcpu: 1, memoryMiB: 1024 },
    // Left out where its weights cannot be had, and where EMBEDDING_URL names another.
    // 269 MiB when it is ready, 563 at most while it embeds a manual.
    embedding: { platform: 'local', vcpu: 1, memoryMiB: 768 },
  },
  limits: { stopTimeoutMs: 140_000 },
};
