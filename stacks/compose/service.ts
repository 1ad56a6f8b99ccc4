/** What a service of a compose file is, and what every one of ours has in common. */
import { pidsMax, tmpMiB } from '../../constructs/container-flags.ts';

/** The fields that are used here. https://github.com/compose-spec/compose-spec/blob/main/05-services.md */
export interface Service {
  readonly image: string;
  readonly pull_policy?: 'never';
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cpus: number;
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

/** What a container of ours is denied: the flags of the VM tier (container-flags.ts) in the words of compose. */
export const locked = {
  read_only: true,
  tmpfs: [`/tmp:rw,nosuid,nodev,size=${tmpMiB}m`],
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges'],
  init: true,
} as const;

/** A value that compose takes from its `.env` file, so that no secret stands in the compose file. */
export function fromEnv(name: string, otherwise?: string): string {
  return otherwise === undefined ? `\${${name}}` : `\${${name}:-${otherwise}}`;
}
