/** `npm run simulate -- prod --trace burst`: an environment through a day, by the policies that the services run. */
import { readFile, writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { parse } from 'csv-parse/sync';
import { source } from '../../environments/capacity/model.ts';
import { provisionSeconds } from '../../environments/capacity/parts/scale-out.ts';
import { builtInTraces } from '../../environments/capacity/simulation/built-in-traces.ts';
import { hoursOf, reportSvg, reportText } from '../../environments/capacity/simulation/report.ts';
import { simulate } from '../../environments/capacity/simulation/simulate.ts';
import { type Arrival, arrivalsOf } from '../../environments/capacity/simulation/trace.ts';
import { costedByName } from './costed.ts';
import { hourlyUsd } from './hourly.ts';
import { scalingOf } from './scaling.ts';
import { targets } from './swap.ts';

const traces = Object.keys(builtInTraces) as (keyof typeof builtInTraces)[];
const isBuiltIn = (name: string): name is keyof typeof builtInTraces => name in builtInTraces;

async function arrivals(trace: string, seed: number): Promise<Arrival[]> {
  if (isBuiltIn(trace)) return builtInTraces[trace](seed);
  const text = await readFile(trace, 'utf8').catch(() => {
    throw new Error(`given trace '${trace}', which is no file; allowed: a CSV file, or ${traces.join(', ')}`);
  });
  return arrivalsOf(parse(text, { columns: true, skip_empty_lines: true, trim: true }));
}

const provisions = targets.map((platform) => `${platform} ${provisionSeconds[platform]}`).join(', ');

const program = new Command('npm run simulate --')
  .description('Plays a trace through an environment: waits, yields, utilisation and money.')
  .argument('<environment>')
  .requiredOption('--trace <file or name>', `a CSV file (seconds,tenant,kind,pages), or ${traces.join(', ')}`)
  .addOption(
    new Option('--replicas <how>', 'scaled: between least and most, as the platforms do')
      .choices(['scaled', 'most'])
      .default('scaled'),
  )
  .option(
    '--provision <seconds>',
    `from the decision to scale until a container starts, not measured; as the sheet has it: ${provisions}`,
    Number,
  )
  .option('--seed <number>', 'of the built-in traces and the length of answers', Number, 1)
  .option('--svg <file>', 'queue and utilisation over time')
  .option('--json', 'for programs')
  .parse();
const options = program.opts<{
  trace: string;
  replicas: 'scaled' | 'most';
  provision?: number;
  seed: number;
  svg?: string;
  json?: true;
}>();
try {
  const { provision } = options;
  if (provision !== undefined && !(Number.isFinite(provision) && provision >= 0))
    throw new Error(`given --provision ${provision}; allowed: seconds, 0 or more`);
  const { environment, costed } = await costedByName(program.args[0] as string);
  const came = await arrivals(options.trace, options.seed);
  const start = performance.now();
  const atMost = options.replicas === 'most';
  const run = simulate(environment, came, {
    seed: options.seed,
    scalingOf: (tier) => (atMost ? undefined : scalingOf(environment, tier, provision)),
  });
  const took = (performance.now() - start) / 1000;
  const usd = hourlyUsd({ environment, costed }, atMost);
  if (options.svg) await writeFile(options.svg, reportSvg(run, options.trace));
  if (options.json) console.log(JSON.stringify({ usd, hours: hoursOf(run, usd), ...run }));
  else {
    console.log(reportText(run, usd));
    console.log(`${came.length} arrivals, simulated in ${took.toFixed(1)} s. Constants ${source}.`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
