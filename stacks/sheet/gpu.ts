/** `npm run gpu -- g6.xlarge --tokens-per-second 400 ...`: a model of one's own beside one that is billed by tokens. */
import { Command } from 'commander';
import { ownModelCost, ownModelText } from '../../environments/capacity/gpu.ts';
import { defaultHabits } from '../../environments/capacity/model.ts';
import { gpuPrice, gpuRegions, gpuTypes } from '../../environments/pricing/prices/gpu.ts';

const program = new Command('npm run gpu --')
  .description('GPU hours and dollars per million tokens, beside an API, and the load at which both cost the same.')
  .argument('<instance type>', gpuTypes)
  .requiredOption('--tokens-per-second <number>', 'that your model writes there when full: measure it', Number)
  .requiredOption('--api-in <usd>', "the API's price of a million tokens read", Number)
  .requiredOption('--api-out <usd>', 'and written', Number)
  .option('--utilisation <share>', 'of the hours paid', Number, 0.3)
  .option('--region <region>', gpuRegions.join(', '), 'us-east-1')
  .parse();
const { tokensPerSecond, apiIn, apiOut, utilisation } = program.opts<Record<string, number>>();
const { region } = program.opts<{ region: string }>();
try {
  const { amountUsd, source, asOf } = gpuPrice(program.args[0] as string, region);
  const own = {
    hourlyUsd: amountUsd,
    tokensPerSecond: tokensPerSecond as number,
    utilisation: utilisation as number,
  };
  const api = { usdPerMillionIn: apiIn as number, usdPerMillionOut: apiOut as number };
  console.log(ownModelText(ownModelCost(own, api, defaultHabits), own));
  console.log(
    `${program.args[0]} in ${region}: $${amountUsd} an hour (${source}, ${asOf}). Answers of ${defaultHabits.answerTokens} tokens after ${defaultHabits.promptTokens} read.`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
