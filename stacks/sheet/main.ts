/** `npm run sheet -- prod`: what environments carry and cost. Writes nothing, deploys nothing. */
import { Command } from 'commander';
import type { Carried } from '../../environments/capacity/model.ts';
import { adviceLines, loadWords, sheetMarkdown, sheetText } from '../../environments/capacity/sheet.ts';
import { sheetHtml } from '../../environments/capacity/sheet-page.ts';
import { costedByName } from './costed.ts';
import { sheetOf } from './sheet-of.ts';
import { swapOf, swapped } from './swap.ts';
import { targeted } from './target.ts';

const program = new Command('npm run sheet --')
  .description('Prints what environments carry and cost, side by side.')
  .argument('[environments...]', 'with --target one: whose stores and models it has', ['dev'])
  .option('--compare <environments...>', 'the same as naming them')
  .option('--swap <tier=platform...>', 'beside each environment the same with tiers elsewhere')
  .option(
    '--target <words>',
    'the cheapest that carries "200 people, 500 documents a day of 40 pages, 2,000 questions"',
  )
  .option('--cpu-factor <number>', 'what its CPUs do of the measured one: npm run calibrate', Number, 1)
  .option('--json', 'for programs')
  .option('--markdown', 'as Markdown')
  .option('--html', 'as one page with charts')
  .parse();
/** An environment is searched for the measured CPU, and printed as a file: nothing stands beside it. */
const notWithTarget = { swap: '--swap', cpuFactor: '--cpu-factor', markdown: '--markdown', html: '--html' } as const;
const { compare, swap, target, json, markdown, html, cpuFactor } = program.opts<{
  cpuFactor: number;
  compare?: string[];
  swap?: string[];
  target?: string;
  json?: true;
  markdown?: true;
  html?: true;
}>();
try {
  if (!(cpuFactor > 0)) throw new Error(`given --cpu-factor ${cpuFactor}; allowed: a number above 0`);
  const refused = Object.entries(notWithTarget).filter(([name]) => program.getOptionValueSource(name) === 'cli');
  if (target && refused.length > 0)
    throw new Error(
      `given --target with ${refused.map(([, flag]) => flag).join(', ')}; allowed beside it: an environment's name and --json. ` +
        'Write the file that it prints into environments/, and ask for its sheet: npm run sheet -- NAME',
    );
  const names = compare ?? (program.processedArgs[0] as string[]);
  if (target) await printTarget(target, names[0] as string);
  else await printSheets(names, (swap ?? []).map(swapOf));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function printSheets(names: readonly string[], swaps: readonly ReturnType<typeof swapOf>[]): Promise<void> {
  const sheets = [];
  for (const name of names) {
    sheets.push(sheetOf(name, await costedByName(name), cpuFactor));
    if (swaps.length === 0) continue;
    const other = await costedByName(name, (environment) => swapped(environment, swaps));
    sheets.push(
      sheetOf(`${name} ${swaps.map(({ tier, platform }) => `${tier}=${platform}`).join(' ')}`, other, cpuFactor),
    );
  }
  if (json) console.log(JSON.stringify(sheets, undefined, 2));
  else console.log((html ? sheetHtml : markdown ? sheetMarkdown : sheetText)(sheets));
}

async function printTarget(words: string, base: string): Promise<void> {
  const { load, source, costed, input } = await targeted(words, base);
  const sheet = sheetOf(input.name, costed);
  const kinds = (Object.keys(load) as (keyof Carried)[]).map(
    (kind) => `${Math.floor(load[kind])} ${loadWords[kind]} (carried: ${Math.floor(sheet.capacity.max.carried[kind])})`,
  );
  if (json) console.log(JSON.stringify({ load, environment: input, sheet }, undefined, 2));
  else
    console.log(
      [
        `Busiest hour: ${kinds.join(', ')}.`,
        `$${sheet.monthlyUsd.max.toFixed(2)} a month, its file:`,
        '',
        source,
        ...adviceLines(sheet),
      ].join('\n'),
    );
}
