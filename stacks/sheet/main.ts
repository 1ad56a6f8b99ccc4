/** `npm run sheet -- prod`: what an environment carries and costs. Writes nothing, deploys nothing. */
import { Command } from 'commander';
import { capacityOf } from '../../environments/capacity/model.ts';
import { type Sheet, sheetMarkdown, sheetText } from '../../environments/capacity/sheet.ts';
import { environmentMonthlyUsd } from '../../environments/pricing/environment-cost.ts';
import { totalUsd } from '../../environments/pricing/lines.ts';
import { costedByName } from './costed.ts';

async function sheetOf(name: string): Promise<Sheet> {
  const { environment, costed } = await costedByName(name);
  return {
    name,
    capacity: { min: capacityOf(environment, 'min'), max: capacityOf(environment, 'max') },
    monthlyUsd: {
      min: totalUsd(environmentMonthlyUsd(costed, 'min')),
      max: totalUsd(environmentMonthlyUsd(costed, 'max')),
    },
  };
}

const program = new Command('npm run sheet --')
  .description('Prints what environments carry and cost, side by side.')
  .argument('<environments...>')
  .option('--json', 'for programs')
  .option('--markdown', 'as a Markdown table')
  .parse();
const { json, markdown } = program.opts<{ json?: true; markdown?: true }>();
try {
  const sheets: Sheet[] = [];
  for (const name of program.args) sheets.push(await sheetOf(name));
  console.log(json ? JSON.stringify(sheets, undefined, 2) : markdown ? sheetMarkdown(sheets) : sheetText(sheets));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
