/** Runs a program to its end: a migration, a build. */
import type { Writable } from 'node:stream';
import { execa } from 'execa';
import { type ChildCommand, describeExit } from './child.ts';
import { logTail } from './log-file.ts';

export interface OneShot {
  readonly name: string;
  readonly command: ChildCommand;
  readonly timeoutMs: number;
  readonly log: Writable;
  readonly logPath: string;
  /** What it prints is a secret: only its errors are logged. */
  readonly secret?: true;
  /** Gets each line of standard output as it comes. */
  readonly onLine?: (line: string) => void;
  /** Aborted: the program is stopped. */
  readonly signal: AbortSignal;
}

/**
 * @returns what it printed on standard output
 * @throws Error when it fails: its code, its last lines, where its log lies
 */
export async function runToEnd({
  name,
  command,
  timeoutMs,
  log,
  logPath,
  secret,
  onLine,
  signal,
}: OneShot): Promise<string> {
  const running = execa(command.command, command.args, {
    ...(command.cwd !== undefined && { cwd: command.cwd }),
    env: { ...command.env },
    extendEnv: false,
    stdin: 'pipe',
    reject: false,
    timeout: timeoutMs,
    cancelSignal: signal,
    // A group of its own, as every child: Ctrl-C reaches this program alone.
    detached: true,
  });
  if (onLine) for await (const line of running.iterable()) onLine(line);
  const result = await running;
  log.write(secret ? `${result.stderr}\n` : `${result.stderr}\n${result.stdout}\n`);
  if (!result.failed) return result.stdout;
  const why = result.timedOut
    ? `did not end within ${timeoutMs / 1000} s`
    : `failed (${describeExit({ code: result.exitCode ?? null, signal: result.signal ?? null })})`;
  const tail = logTail(logPath);
  throw new Error(`${name} ${why}. Its log: ${logPath}${tail && `\n${tail}`}`);
}
