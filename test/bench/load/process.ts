/** Processes beside the one that measures: what they compute must not delay its probes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

/** A program of ours that tells a number when it has started, and at other moments as it likes. */
export function startAside(file: string, ...given: string[]): ChildProcess {
  // Who asks is not what is measured. The last CPU is one of those that sustained tiers use, so what they compete with is
  // the load's own target; there the kernel takes the CPU away from the load as soon as anybody wants it.
  const last = String(availableParallelism() - 1);
  return spawn('taskset', ['--cpu-list', last, 'chrt', '--idle', '0', process.execPath, file, ...given], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** The next number that it tells. */
export async function said(child: ChildProcess): Promise<number> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`a process beside the bench ended by itself, code ${code}`);
  });
  ended.catch(() => {});
  const [value] = await Promise.race([once(child, 'message'), ended]);
  return value;
}
