/** One child process: its own process group, its output in a log, and an end that is always known. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Everything it sees of the environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Gives way to everything else on this machine, and so do its own children. */
  readonly background?: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  /** Never rejects. */
  readonly exited: Promise<Exit>;
  /** Sends a signal to the process itself: it ends its own children in order. */
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL to its whole process group, so that its own children go with it. */
  kill(): void;
}

/**
 * Starts a process in a group of its own: a Ctrl-C in the terminal reaches this program alone, which then stops its
 * children in order. The child's standard input stays open until this process ends, however it ends (exit-with-parent.ts).
 *
 * @throws Error when the command cannot be started at all.
 */
export async function startChild(
  { command, args, env, cwd, uid, gid, background }: ChildCommand,
  log: Writable,
): Promise<Child> {
  const child = spawn(command, args, {
    env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  });
  const exited = new Promise<Exit>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  child.stdin.on('error', () => {});
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new Error(`cannot start ${command}: ${cause.message}`, { cause })));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${command}: it has no process id`);
  if (background) await giveWay(pid);
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  return {
    pid,
    exited,
    signal: (signal) => void (ended() || child.kill(signal)),
    kill: () => {
      if (!ended()) signalGroup(pid, 'SIGKILL');
    },
  };
}

const { PRIORITY_BELOW_NORMAL: belowNormal } = constants.priority;

/** Linux lets who is not root change it ten times a second, all users together. */
const groupAttemptsMax = 10;
const groupEveryMs = 110;

/**
 * Linux shares the processor between sessions first (`sched_autogroup_enabled`), and each of our children has one of its
 * own: a process that is nice in it gives way to nobody else unless the session is nice, too. A process that has ended
 * already needs no priority, and other systems have no such groups.
 */
async function giveWay(pid: number): Promise<void> {
  try {
    setPriority(pid, belowNormal);
  } catch (error) {
    if ((error as { info?: { code?: string } }).info?.code !== 'ESRCH') throw error;
  }
  for (let attempt = 1; attempt <= groupAttemptsMax; attempt += 1) {
    const fault = await writeFile(`/proc/${pid}/autogroup`, String(belowNormal)).catch(
      (error: NodeJS.ErrnoException) => error,
    );
    if (fault?.code !== 'EAGAIN') return;
    await sleep(groupEveryMs);
  }
}

/** Signals a process group that was started by {@link startChild}; gone already is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** `code 1` or `SIGKILL`, for messages. */
export function describeExit({ code, signal }: Exit): string {
  return signal ?? `code ${code}`;
}
