/** Runs a program of this machine and says what it said when it fails. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** The project's own folder, with a slash at its end. */
export const projectFolder = fileURLToPath(new URL('../..', import.meta.url));
export const packageVersion: string = JSON.parse(readFileSync(`${projectFolder}package.json`, 'utf8')).version;

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Standard input. @default none */
  readonly input?: string;
}

/**
 * @returns what it printed on standard output
 * @throws Error with the command, its exit code and the end of what it said
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { env = {}, cwd, input } = options;
  const { stdout, stderr, exitCode, failed, originalMessage } = await execa(command, args, {
    env,
    ...(cwd && { cwd }),
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    reject: false,
  });
  if (!failed) return stdout;
  const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-12).join('\n');
  throw new Error(`${command} ${args.join(' ')} ended with ${exitCode ?? originalMessage}:\n${said}`);
}

/** True when the program is there and answers 0. */
export async function works(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return run(command, args, { env }).then(
    () => true,
    () => false,
  );
}
