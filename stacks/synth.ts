/**
 * Synthesizes environments: `synth.ts [environment...]`, all of them without a name. What it writes lies in `cdktf.out/`.
 */
import { Command } from 'commander';
import { staleWarnings } from '../environments/pricing/prices/age.ts';
import { synthesize, type Written } from './synthesize.ts';

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
