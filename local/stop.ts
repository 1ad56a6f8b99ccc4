/**
 * Takes a deployment down in order: no new requests, then the tiers (callers before those they call), then Redis, then
 * PostgreSQL, so that each can still end its work with what it needs.
 */
import { callsOf, type ServiceName } from '../services/manifest.ts';
import type { DeploymentState } from './state.ts';
import { withdrawVerify } from './verify.ts';

export async function stopDeployment(state: DeploymentState, { force = false } = {}): Promise<void> {
  state.stopping.abort();
  // PostgreSQL excepted: once nobody uses it, its own fast stop takes a moment and needs no recovery.
  if (force) for (const each of state.processes) if (each.name !== 'postgres') each.kill();
  state.stopped ??= takeDown(state);
  return state.stopped;
}

/** Tiers in waves: each wave is called by none that is stopped after it. Pure. */
export function stopWaves(names: readonly ServiceName[]): ServiceName[][] {
  const waves: ServiceName[][] = [];
  let left = [...names];
  while (left.length > 0) {
    const called = new Set(left.flatMap(callsOf));
    const wave = left.filter((name) => !called.has(name));
    // Tiers that call each other in a ring have no order: they stop together.
    waves.push(wave.length > 0 ? wave : left);
    left = wave.length > 0 ? left.filter((name) => called.has(name)) : [];
  }
  return waves;
}

async function takeDown(state: DeploymentState): Promise<void> {
  await state.step?.catch(() => {});
  const routers = [state.router, ...state.balancers].filter((router) => router !== undefined);
  for (const router of routers) router.stopAccepting();
  for (const wave of stopWaves([...state.replicas.keys()]))
    await Promise.all(
      wave.flatMap((name) => (state.replicas.get(name) ?? []).map((replica) => replica.process?.stop())),
    );
  await Promise.all(routers.map((router) => router.close()));
  for (const name of ['redis', 'postgres']) await state.processes.find((each) => each.name === name)?.stop();
  await state.watchdog?.release();
  await state.pidRegistry?.settled();
  for (const log of state.logs.values()) await new Promise<void>((resolve) => log.end(() => resolve()));
  if (state.folder) await withdrawVerify(state.folder.path);
  await state.lock?.release();
}
