/** The environments there are; a new one is a file beside this and a line below. */
import type { EnvironmentInput } from './environment.ts';

/** Environments by name. Each is loaded only when asked for. */
export const environments: Readonly<Record<string, () => Promise<EnvironmentInput>>> = {
  bench: async () => (await import('./bench.ts')).bench,
  dev: async () => (await import('./dev.ts')).dev,
  staging: async () => (await import('./staging.ts')).staging,
  prod: async () => (await import('./prod.ts')).prod,
};

/** @throws Error naming the environments there are. */
export async function loadEnvironment(name: string): Promise<EnvironmentInput> {
  const load = environments[name];
  if (!load)
    throw new Error(
      `no environment '${name}'; allowed: ${Object.keys(environments).join(', ')}; a new one is a file and a line in environments/`,
    );
  return load();
}
