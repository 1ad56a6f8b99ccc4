/**
 * The `docker run` flags of a tier: its budget and its isolation. The VM tier's systemd unit and the container tests use
 * exactly these, so what is tested is what runs.
 */

export interface ContainerLimits {
  /** CPUs that the container may use at most. */
  readonly vcpu: number;
  /** Memory in MiB, swap included: above it the container is killed. */
  readonly memoryMiB: number;
  /** Size of `/tmp`, which is part of that memory; see scratch.ts. */
  readonly tmpMiB: number;
  /** SIGTERM until SIGKILL, in ms. */
  readonly stopTimeoutMs: number;
}

/** Node, four parser children and their threads use about 120; a fork bomb reaches any bound. */
export const pidsMax = 256;

/**
 * @example containerFlags({ vcpu: 0.5, memoryMiB: 512, tmpMiB: 64, stopTimeoutMs: 120_000 })
 * // ['--cpus=0.5', '--memory=512m', '--memory-swap=512m', '--pids-limit=256', '--read-only', ...]
 */
export function containerFlags({ vcpu, memoryMiB, tmpMiB, stopTimeoutMs }: ContainerLimits): string[] {
  return [
    `--cpus=${vcpu}`,
    `--memory=${memoryMiB}m`,
    // Equal to --memory: no swap, so the budget is the whole truth.
    `--memory-swap=${memoryMiB}m`,
    `--pids-limit=${pidsMax}`,
    '--read-only',
    `--tmpfs=/tmp:rw,nosuid,nodev,size=${tmpMiB}m`,
    '--cap-drop=ALL',
    '--security-opt=no-new-privileges',
    `--stop-timeout=${Math.ceil(stopTimeoutMs / 1000)}`,
  ];
}
