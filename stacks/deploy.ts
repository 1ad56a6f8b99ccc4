/**
 * `npm run diff|deploy|destroy -- <env> [cdktf options]`: the cdktf CLI over the stacks of one environment, in the
 * right order. `cdktf deploy <env>-foundation <env>-service` does the same by itself.
 */
import { Argument, Command } from 'commander';
import { execa } from 'execa';
import { placeholderAmi, placeholderDigest } from '../constructs/tier/placeholder.ts';
import { placedServices, resolveEnvironment } from '../environments/environment.ts';
import { loadEnvironment } from '../environments/index.ts';
import type { AwsEnvironment } from './base-stack.ts';
import { type Images, readImages } from './images/digests.ts';
import { onAws } from './on-aws.ts';
import { stackParts } from './parts.ts';

export const actions = ['diff', 'deploy', 'destroy'] as const;
export type Action = (typeof actions)[number];

/**
 * What the CLI is called with, one call after the other. A diff shows one stack at a time; deploy and destroy know the
 * stacks' order themselves.
 */
export function cdktfCalls(
  action: Action,
  name: string,
  options: readonly string[],
  parts: readonly string[],
): string[][] {
  const app = ['--app', `node --no-experimental-detect-module stacks/main.ts ${name}`];
  const stacks = parts.map((part) => `${name}-${part}`);
  if (action === 'diff') return stacks.map((stack) => ['diff', stack, ...app, ...options]);
  return [[action, ...stacks, ...app, ...options]];
}

/** @throws Error listing every placeholder: what is missing and how to get it. Terraform would refuse them too, later. */
export function refuseUnfinished(environment: AwsEnvironment, images: Images): void {
  const { name, aws } = environment;
  const missing = placedServices(environment).filter((service) => images[service] === placeholderDigest);
  const faults = [
    ...(missing.length > 0
      ? [`no image has been pushed for ${missing.join(', ')}: run npm run images -- --push ${name}`]
      : []),
    ...(aws.ami === placeholderAmi
      ? [`aws.ami is still a placeholder: docs/operating.md, 'Choose an AMI', has the command that finds one`]
      : []),
    ...(aws.publicHost.endsWith('.example.com')
      ? [`aws.publicHost '${aws.publicHost}' belongs to nobody: set a host of yours`]
      : []),
  ];
  if (faults.length > 0) throw new Error(`'${name}' cannot be deployed yet:\n- ${faults.join('\n- ')}`);
}

async function main(action: Action, name: string, options: readonly string[]): Promise<void> {
  const environment = onAws(resolveEnvironment(await loadEnvironment(name)));
  if (action === 'deploy') refuseUnfinished(environment, readImages(name));
  for (const call of cdktfCalls(action, name, options, stackParts(environment)))
    await execa('cdktf', call, { preferLocal: true, stdio: 'inherit' });
}

if (import.meta.main) {
  try {
    await new Command('npm run')
      .addArgument(new Argument('<action>').choices(actions))
      .argument('<environment>')
      .argument('[options...]', "options of cdktf's command, after --")
      .allowUnknownOption()
      .passThroughOptions()
      .action(main)
      .parseAsync();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
