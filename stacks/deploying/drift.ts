/**
 * `npm run drift -- <env>`: whether what is there is still what was applied and what the configuration asks for. For a
 * timer: it changes nothing, takes no lock, ends by itself, and its exit code says what was found (2: drift).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { resolveEnvironment } from '../../environments/environment.ts';
import { loadEnvironment } from '../../environments/index.ts';
import { onAws } from '../on-aws.ts';
import { stackParts } from '../parts.ts';
import { synthesize } from '../synthesize.ts';
import { terraform } from './terraform.ts';

/** Above what reading every resource of a stack takes: a call that hangs must not hold a timer for ever. */
const stepTimeoutMs = 15 * 60_000;

/**
 * @param timeoutMs For each call of terraform. @default 15 minutes
 * @returns The stacks that have drifted.
 * @throws Error naming the stack that could not be asked; those after it are asked all the same.
 */
export async function drift(name: string, print = console.log, timeoutMs = stepTimeoutMs): Promise<string[]> {
  const parts = stackParts(onAws(resolveEnvironment(await loadEnvironment(name))));
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-drift-'));
  const drifted: string[] = [];
  const unknown: string[] = [];
  try {
    await synthesize([name], { outdir: folder });
    for (const part of parts) {
      const stack = `${name}-${part}`;
      const ask = async (...args: string[]) => {
        const ended = await terraform({ folder, stack, args, silentArgs: ['-input=false'], print, timeoutMs });
        if (typeof ended === 'string') print(ended);
        return ended;
      };
      const planned = (await ask('init')) === 0 ? await ask('plan', '-detailed-exitcode', '-lock=false') : undefined;
      if (planned === 2) drifted.push(stack);
      else if (planned !== 0) unknown.push(stack);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if (unknown.length > 0)
    throw new Error(
      `${name}: ${unknown.join(', ')} could not be asked; the lines above say why.` +
        (drifted.length > 0 ? ` Drifted: ${drifted.join(', ')}.` : ''),
    );
  return drifted;
}

if (import.meta.main) {
  const [name = ''] = new Command('npm run drift --').argument('<environment>').parse().args;
  try {
    const drifted = await drift(name);
    console.log(
      drifted.length === 0
        ? `${name}: no drift`
        : `${name}: drift in ${drifted.join(', ')}: the plan above undoes it; npm run deploy -- ${name} applies that`,
    );
    if (drifted.length > 0) process.exitCode = 2;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
