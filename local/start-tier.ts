/** Places the replicas of every tier on ports, and starts them. */

import { heapFlags } from '../environments/budget/heap.ts';
import { placedDefinitions, placedServices, placementsOf } from '../environments/environment.ts';
import { addressSettings, calledServices, environmentEdges } from '../environments/wiring/connections.ts';
import { definitionOf, type ServiceName } from '../services/manifest.ts';
import { packageVersion } from '../stacks/images/run.ts';
import { freePort } from './router/ports.ts';
import { openRouter } from './router/router.ts';
import { type DeploymentState, startPart, type TierReplica } from './state.ts';
import { serviceCommand, tierSettings } from './tiers.ts';

/**
 * Gives `replicas.min` replicas of every tier a port, and every tier that others call an address: its one replica, or
 * an internal balancer before several.
 */
export async function allocatePorts(state: DeploymentState): Promise<void> {
  const placed = placedServices(state.environment);
  for (const name of placed) {
    const placements = placementsOf(state.environment, name).flatMap((placement) =>
      Array.from({ length: placement.replicas.min }, () => placement),
    );
    const replicas = await Promise.all(
      placements.map(async (placement, index): Promise<TierReplica> => {
        const replica: TierReplica = {
          name: placements.length === 1 ? name : `${name}-${index + 1}`,
          placement,
          port: await freePort(),
          outstanding: 0,
          get ready() {
            return this.process?.state === 'ready';
          },
        };
        return replica;
      }),
    );
    state.replicas.set(name, replicas);
  }
  const origins = new Map<ServiceName, string>();
  const edges = environmentEdges(state.environment);
  for (const name of calledServices(edges)) origins.set(name, await originOf(state, name));
  Object.assign(
    state.run,
    addressSettings(placedDefinitions(state.environment), edges, (name) => origins.get(name) as string),
  );
}

/** What a replica is started with. */
export function settingsOf(
  { environment, outer, run, own, settings }: DeploymentState,
  name: ServiceName,
  replica: TierReplica,
) {
  const overrides = settings[name];
  return tierSettings({
    environment,
    name,
    placement: replica.placement,
    run: { ...run, ...own[name], PORT: String(replica.port), REPLICA: replica.name, VERSION: packageVersion },
    outer,
    ...(overrides && { overrides }),
  });
}

/** Starts the replicas of one tier and resolves when all are ready. */
export async function startTier(state: DeploymentState, name: ServiceName): Promise<void> {
  const { healthPath, workload } = definitionOf(name);
  const { environment, outer } = state;
  const start = async (replica: TierReplica) => {
    const { port, placement } = replica;
    const given = settingsOf(state, name, replica);
    replica.process = await startPart(state, {
      name: replica.name,
      command: async () => ({
        ...serviceCommand(state.programs.tier(name), given, heapFlags(name, placement.memoryMiB), outer),
        background: workload === 'batch',
      }),
      probe: () => probe(port, healthPath),
      // The first start compiles WebAssembly and opens indexes, all tiers at once on perhaps two busy cores.
      readyTimeoutMs: 90_000,
      stopTimeoutMs: environment.limits.stopTimeoutMs,
    });
  };
  const results = await Promise.allSettled((state.replicas.get(name) ?? []).map(start));
  const fault = results.find((result) => result.status === 'rejected');
  if (fault) throw fault.reason;
}

async function originOf(state: DeploymentState, name: ServiceName): Promise<string> {
  const replicas = state.replicas.get(name) ?? [];
  const [first] = replicas;
  if (first && replicas.length === 1) return `http://127.0.0.1:${first.port}`;
  const balancer = await openRouter({ port: 0, owner: () => name, replicas: () => replicas });
  state.balancers.push(balancer);
  return `http://127.0.0.1:${balancer.port}`;
}

async function probe(port: number, path: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2000) });
  const body = await response.text();
  if (!response.ok) throw new Error(`${path} says ${response.status}: ${body.slice(0, 200)}`);
}
