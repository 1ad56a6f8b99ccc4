/**
 * PostgreSQL and Redis cannot watch for the end of their parent as our own programs do (exit-with-parent.ts). A waiting shell,
 * 1 MB small, does it for them: when this process is gone, even by kill -9, it stops the two.
 */
import { spawn } from 'node:child_process';

export interface Watchdog {
  /** `name` now runs as `pid`, or no more. */
  note(name: string, pid: number | undefined): void;
  /** Ends the watchdog; what it watched is left alone. */
  release(): Promise<void>;
}

/** Each line it reads replaces the list of process ids; at the end of its input it stops those of the last line. */
const script = 'ours=; while read -r line; do ours=$line; done; for pid in $ours; do kill -INT "$pid"; done';

export function openWatchdog(): Watchdog {
  const pids = new Map<string, number>();
  const shell = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], env: {} });
  const ended = new Promise<void>((resolve) => {
    shell.once('close', () => resolve()).once('error', () => resolve());
  });
  // Without a shell the next start still finds and stops them (orphans.ts).
  shell.stdin.on('error', () => {});
  return {
    note: (name, pid) => {
      if (pid === undefined) pids.delete(name);
      else pids.set(name, pid);
      shell.stdin.write(`${[...pids.values()].join(' ')}\n`);
    },
    release: async () => {
      shell.stdin.end('\n');
      await ended;
    },
  };
}
