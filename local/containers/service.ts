/** What a service of a compose file is, and what every one of ours has in common. */
import { pidsMax } from '../../environments/budget/container-flags.ts';

/** The fields that are used here. https://github.com/compose-spec/compose-spec/blob/main/05-services.md */
export interface Service {
  readonly image: string;
  readonly pull_policy?: 'never';
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cpus: number;
  /** Weight when the machine's CPUs are contended. Absent: 1024. */
  readonly cpu_shares?: number;
  /** CPUs that it may run on. Absent: all. */
  readonly cpuset?: string;
  /** For the resolver of names. */
  readonly dns_opt?: readonly string[];
  readonly mem_limit: string;
  readonly memswap_limit: string;
  readonly pids_limit: number;
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt: readonly string[];
  readonly init: boolean;
  readonly stop_grace_period: string;
  readonly restart: 'unless-stopped' | 'on-failure';
  /** Absent: the image's own. */
  readonly healthcheck?: { readonly test: readonly string[]; readonly interval: string; readonly retries: number };
  readonly depends_on?: Readonly<Record<string, { readonly condition: Condition }>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks: Readonly<Record<string, { readonly aliases?: readonly string[] }>>;
}

type Condition = 'service_started' | 'service_healthy' | 'service_completed_successfully';

export interface Budget {
  readonly vcpu: number;
  readonly memoryMiB: number;
  /** @default pidsMax */
  readonly pids?: number;
}

export function limits({ vcpu, memoryMiB, pids = pidsMax }: Budget) {
  const memory = `${memoryMiB}m`;
  // Memory and swap equal: no swap, so the budget is the whole truth.
  return { cpus: vcpu, mem_limit: memory, memswap_limit: memory, pids_limit: pids };
}

/**
 * Weights where CPUs are contended; compose's default is 1024. For the stores and the gateway every tier waits, and an interactive
 * tier gives its CPU back within milliseconds. A sixteenth still moves on when all others are busy.
 */
export const shares = { stores: 4096, interactive: 4096, sustained: 1024, batch: 64 } as const;

/**
 * A name server between containers may lose a question while it learns of a container that comes or goes; with the
 * defaults (man 5 resolv.conf) the next try is 5 s later, and the first call to a new replica has been seen to take 20.
 */
export const resolver = { dns_opt: ['timeout:1', 'attempts:5'] } as const;

/** `/tmp`: all that a container of ours may write to. */
export const scratch = (sizeMiB: number) => ({ tmpfs: [`/tmp:rw,nosuid,nodev,size=${sizeMiB}m`] });

/** What a container of ours is denied: the flags of the VM tier (container-flags.ts) in the words of compose. */
export const locked = {
  read_only: true,
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges'],
  init: true,
} as const;

/** A value that compose takes from its `.env` file, so that no secret stands in the compose file. */
export function fromEnv(name: string, otherwise?: string): string {
  return otherwise === undefined ? `\${${name}}` : `\${${name}:-${otherwise}}`;
}
