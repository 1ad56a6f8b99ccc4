/**
 * A whole deployment on this machine: PostgreSQL, Redis, the router and every tier, each a process of its own.
 *
 *   check the machine -> lock the folder -> open the port -> PostgreSQL, Redis -> migrate -> web page -> tiers -> owner
 *
 * {@link startDeployment} does it in one call (tests, programs); {@link planDeployment} gives the same as named steps, for a
 * terminal that shows progress. Several deployments can run side by side, each with its own data folder and port.
 */

import { type EnvironmentInput, resolveEnvironment } from '../environments/environment.ts';
import { local } from '../environments/local.ts';
import type { ServiceName } from '../services/manifest.ts';
import type { Supervised } from './processes/supervisor.ts';
import { type DeploymentState, newState } from './state.ts';
import { type Step, steps } from './steps.ts';
import { stopDeployment } from './stop.ts';
import type { FreeBytes } from './stores/data-folder.ts';
import type { RedisChoice } from './stores/redis.ts';
import { type Overrides, type Programs, programs } from './tiers.ts';

export interface LocalDeploymentOptions {
  /** Data folder; made if missing. */
  readonly data: string;
  /** Public port on localhost; 0: any free one. @default 8080 */
  readonly port?: number;
  /** `auto`: the server on PATH, else the embedded one. @default 'auto' */
  readonly redis?: RedisChoice;
  /** @default environments/local.ts */
  readonly environment?: EnvironmentInput;
  /** Settings per service that beat everything else. @example { api: { PAGES_MAX: '10' } } */
  readonly settings?: Overrides;
  /** Where settings may pass through from. @default process.env */
  readonly outer?: Readonly<Record<string, string | undefined>>;
  /** @default the services of this project */
  readonly programs?: Programs;
  /** Gets a line for every event a person should know of: a death, a restart, something recovered. */
  readonly tell?: (line: string) => void;
  /** Free bytes on the disk of a path. @default as the file system says */
  readonly freeBytes?: FreeBytes;
}

/** A part of the deployment: `postgres`, `redis`, a tier, or with several replicas `chat-1`, `chat-2`. */
export type DeploymentProcess = Pick<Supervised, 'name' | 'state' | 'pid' | 'restart' | 'kill'>;

export interface LocalDeployment {
  /** `http://localhost:8080`, without a slash at its end. */
  readonly url: string;
  /** Token of the owner's one-time link; absent when it could not be made (said through `tell`). */
  readonly ownerToken?: string;
  readonly signInUrl?: string;
  readonly dataFolder: string;
  /** Which Redis runs, in words. */
  readonly redis: string;
  /** For tests that look into the stores. */
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly processes: readonly DeploymentProcess[];
  /** @throws Error naming those there are, when there is none of this name */
  process(name: string): DeploymentProcess;
  /** `http://127.0.0.1:PORT` of a tier itself, past the router: for its /metrics. */
  tierUrl(name: ServiceName): string;
  /** Drains and stops everything this deployment started; with `force` at once. Idempotent. */
  stop(options?: { force?: boolean }): Promise<void>;
}

/**
 * Starts a deployment and resolves when it is ready.
 *
 * @throws Error saying what is in the way and what to do; everything started by then is stopped again.
 */
export async function startDeployment(options: LocalDeploymentOptions): Promise<LocalDeployment> {
  const plan = planDeployment(options);
  try {
    for (const step of plan.steps) await step.run();
  } catch (error) {
    await plan.stop();
    throw error;
  }
  return plan.deployment();
}

export interface Plan {
  readonly steps: readonly Step[];
  /** When every step is done. */
  deployment(): LocalDeployment;
  /** Stops what the steps done so far have started, and the step under way. */
  stop(options?: { force?: boolean }): Promise<void>;
  /** Parts that still run, by name. */
  running(): string[];
}

export function planDeployment(options: LocalDeploymentOptions): Plan {
  const state = newState({
    data: options.data,
    port: options.port ?? 8080,
    redis: options.redis ?? 'auto',
    environment: resolveEnvironment(options.environment ?? local),
    settings: options.settings ?? {},
    outer: options.outer ?? process.env,
    programs: options.programs ?? programs,
    tell: options.tell ?? (() => {}),
    ...(options.freeBytes && { freeBytes: options.freeBytes }),
  });
  const stop = (how = {}) => stopDeployment(state, how);
  return {
    steps: steps(state),
    deployment: () => deploymentOf(state, stop),
    stop,
    running: () => state.processes.filter(({ pid }) => pid !== undefined).map(({ name }) => name),
  };
}

function deploymentOf(state: DeploymentState, stop: LocalDeployment['stop']): LocalDeployment {
  const { url, ownerToken } = state;
  return {
    url,
    ...(ownerToken && { ownerToken, signInUrl: `${url}/sign-in#token=${ownerToken}` }),
    dataFolder: state.folder?.path ?? '',
    redis: state.redisWhich,
    databaseUrl: state.migration.DATABASE_OWNER_URL ?? '',
    redisUrl: state.run.REDIS_URL ?? '',
    get processes() {
      return state.processes;
    },
    process: (name) => {
      const found = state.processes.find((each) => each.name === name || each.name === `${name}-1`);
      if (found) return found;
      throw new Error(`no process '${name}'; there are: ${state.processes.map((each) => each.name).join(', ')}`);
    },
    tierUrl: (name) => {
      const [replica] = state.replicas.get(name) ?? [];
      if (replica) return `http://127.0.0.1:${replica.port}`;
      throw new Error(`the ${name} tier does not run`);
    },
    stop,
  };
}
