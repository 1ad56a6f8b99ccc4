/**
 * Synthesizes environments: `node stacks/main.ts [environment...]`, all of them without a name. The cdktf CLI runs this
 * file (cdktf.json); what it writes lies in `cdktf.out/`.
 */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import type { Written } from './synthesize.ts';

// Compiling cdktf takes as long as synthesizing. `npm run synth` names the folder itself, so that this file is kept too:
// for a single one that is not, Node loads its reader of TypeScript.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url)));
await import('./quick-imports.ts');
await import('./quick-cdktf.ts');
const { synthesize } = await import('./synthesize.ts');
const { staleWarnings } = await import('../environments/pricing/prices/age.ts');

async function compared(names: readonly string[]): Promise<Written> {
  const [{ platformComparison }, { environments, loadEnvironment }, { readImages }] = await Promise.all([
    import('./sheet/compare.ts'),
    import('../environments/index.ts'),
    import('./images/digests.ts'),
  ]);
  const sheets: string[] = [];
  const regions = new Set<string>();
  for (const name of names.length > 0 ? names : Object.keys(environments)) {
    const environment = await loadEnvironment(name);
    sheets.push(platformComparison(environment, readImages(name)));
    if (environment.aws) regions.add(environment.aws.region);
  }
  return { sheets, faults: [], regions };
}

const program = new Command('npm run synth --')
  .description('Writes the Terraform configuration of environments, and prints what each costs.')
  .argument('[environments...]', 'absent: all of them')
  .option('--compare', 'writes nothing, and prints what each would cost on every platform')
  .parse();
const names = program.args;
try {
  const { sheets, faults, regions } = program.opts<{ compare?: true }>().compare
    ? await compared(names)
    : await synthesize(names);
  for (const sheet of sheets) console.log(`${sheet}\n`);
  for (const warning of staleWarnings(new Date(), regions)) console.error(warning);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
