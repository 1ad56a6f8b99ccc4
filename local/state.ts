/** What the steps of a start hand on to each other, and what a stop must take down again. */

import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { Environment, Placement } from '../environments/environment.ts';
import type { ServiceName } from '../services/manifest.ts';
import type { Lock } from './processes/lock.ts';
import { openLog } from './processes/log-file.ts';
import type { PidRegistry } from './processes/orphans.ts';
import { type Supervised, type Supervision, supervise } from './processes/supervisor.ts';
import type { Watchdog } from './processes/watchdog.ts';
import type { Replica } from './router/balance.ts';
import type { Router } from './router/router.ts';
import type { DataFolder, FreeBytes } from './stores/data-folder.ts';
import type { RedisChoice } from './stores/redis.ts';
import type { Secrets } from './stores/secrets.ts';
import type { Overrides, Programs, Settings } from './tiers.ts';

export interface TierReplica extends Replica {
  /** `chat`, or of several `chat-1`, `chat-2`. */
  readonly name: string;
  readonly placement: Placement;
  process?: Supervised;
}

export interface SiteOptions {
  readonly data: string;
  readonly port: number;
  readonly redis: RedisChoice;
  readonly environment: Environment;
  readonly settings: Overrides;
  readonly outer: Readonly<Record<string, string | undefined>>;
  readonly programs: Programs;
  readonly tell: (line: string) => void;
  readonly freeBytes?: FreeBytes;
}

/** Fields are filled in by the steps, in their order. */
export interface DeploymentState extends SiteOptions {
  /** Without the tiers that turn out to be impossible on this machine. */
  environment: Environment;
  /** Of the step under way. */
  progress: (line: string) => void;
  folder?: DataFolder;
  lock?: Lock;
  secrets?: Secrets;
  pidRegistry?: PidRegistry;
  watchdog?: Watchdog;
  router?: Router;
  /** Internal balancers: one per called tier that has several replicas. */
  readonly balancers: Router[];
  readonly replicas: Map<ServiceName, TierReplica[]>;
  readonly processes: Supervised[];
  /** Addresses and secrets of this run, under the names that services read. */
  readonly run: Settings;
  /** The same of one tier alone: what it may do, it may do as itself. */
  readonly own: Overrides;
  /** What the step that migrates reads besides: the owner of the database. */
  migration: Settings;
  readonly logs: Map<string, Writable>;
  url: string;
  redisWhich: string;
  ownerToken?: string;
  /** Aborted by a stop: nothing new is started. */
  readonly stopping: AbortController;
  /** The step under way; a stop waits for it to give up. */
  step?: Promise<unknown>;
  stopped?: Promise<void>;
}

export function newState(options: SiteOptions): DeploymentState {
  return {
    ...options,
    progress: () => {},
    balancers: [],
    replicas: new Map(),
    processes: [],
    run: {},
    own: {},
    migration: {},
    logs: new Map(),
    url: '',
    redisWhich: '',
    stopping: new AbortController(),
  };
}

/** A field that an earlier step has filled in. */
export function need<Key extends keyof DeploymentState>(
  state: DeploymentState,
  key: Key,
): NonNullable<DeploymentState[Key]> {
  const value = state[key];
  if (value === undefined || value === null) throw new Error(`${key} is not there yet: the steps ran out of order`);
  return value;
}

export function logPath(state: DeploymentState, name: string): string {
  return join(need(state, 'folder').logs, `${name}.log`);
}

/** The log of a part, opened once. */
export function logOf(state: DeploymentState, name: string): Writable {
  const log = state.logs.get(name) ?? openLog(logPath(state, name));
  state.logs.set(name, log);
  return log;
}

/** Starts a part under supervision: logged, written down for the next start, stopped by {@link DeploymentState.stopping}. */
export async function startPart(
  state: DeploymentState,
  part: Pick<Supervision, 'name' | 'command' | 'probe' | 'readyTimeoutMs' | 'stopTimeoutMs' | 'stopSignal'> & {
    /** A foreign program that cannot watch for our end itself. */
    readonly watched?: boolean;
  },
): Promise<Supervised> {
  const { name } = part;
  const started = await supervise({
    ...part,
    log: logOf(state, name),
    logPath: logPath(state, name),
    tell: state.tell,
    onProcess: (pid) => {
      need(state, 'pidRegistry').note(name, pid);
      if (part.watched) need(state, 'watchdog').note(name, pid);
    },
    cancelled: state.stopping.signal,
  });
  state.processes.push(started);
  return started;
}
