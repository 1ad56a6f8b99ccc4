import { join } from 'node:path';
import { execa } from 'execa';

export interface TerraformCall {
  /** Where the configuration was synthesized to. */
  readonly folder: string;
  readonly stack: string;
  readonly args: readonly string[];
  /** Options that are not printed. @default [] */
  readonly silentArgs?: readonly string[];
  readonly print: (line: string) => void;
  readonly timeoutMs: number;
  /** Beside what this process has. @default {} */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * One call of terraform in a stack's folder; what it says is printed as it comes.
 *
 * @returns Its exit code; where it has none, or did not end in time, what happened instead, in words.
 */
export async function terraform(call: TerraformCall): Promise<number | string> {
  const { folder, stack, args, silentArgs = [], print, timeoutMs, env = {} } = call;
  print(`${stack}: terraform ${args.join(' ')}`);
  const { exitCode, timedOut, shortMessage } = await execa('terraform', [...args, ...silentArgs, '-no-color'], {
    cwd: join(folder, 'stacks', stack),
    reject: false,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: timeoutMs,
    env,
  });
  if (timedOut) return `${stack}: terraform ${args[0]} did not end within ${timeoutMs / 1000} s`;
  return exitCode ?? `${stack}: ${shortMessage}`;
}
