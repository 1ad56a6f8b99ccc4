/** What models cost at whoever bills them by tokens. */
import type { Environment } from '../environment.ts';
import type { CostLine } from '../pricing/lines.ts';
import { type Habits, measuredConstants } from './model.ts';
import { promisedHoursPerDay } from './parts/habits.ts';
import { chunkTokens } from './parts/limits.ts';

/**
 * USD of one answer by the model that is asked by default. Undefined: the environment names no price. 0: the built-in
 * answerer, or a model that the list says is free.
 */
export function answerUsd(
  environment: Pick<Environment, 'models' | 'chatModel'>,
  { promptTokens, answerTokens }: Habits,
): number | undefined {
  if (!environment.models?.[0] && !environment.chatModel) return 0;
  const price = priceOf(environment);
  return price && (promptTokens * price.in + answerTokens * price.out) / 1e6;
}

const promisedMinutes = (promisedHoursPerDay * 60 * 365) / 12;

/**
 * A month of what the environment promises to carry, as far as it names the prices of its models: the default model's
 * tokens, and those of the pages that are embedded. Without a promise nothing is known to come.
 */
export function promisedModelLines(
  environment: Pick<Environment, 'models' | 'chatModel' | 'embeddingModel' | 'carries'>,
  { promptTokens, answerTokens }: Habits,
): CostLine[] {
  const { carries, embeddingModel } = environment;
  const answers = (carries?.chatsPerMinute ?? 0) * promisedMinutes;
  const pages = (carries?.pagesPerMinute ?? 0) * promisedMinutes;
  const price = priceOf(environment);
  const embedded = embeddingModel?.usdPerMillionTokens;
  return [
    ...(price && answers > 0
      ? [
          line('tokens read', answers * promptTokens, price.in),
          line('tokens written', answers * answerTokens, price.out),
        ]
      : []),
    ...(embedded !== undefined && pages > 0
      ? [line('tokens embedded', pages * measuredConstants.chunksPerPage.value * chunkTokens, embedded)]
      : []),
  ];
}

const priceOf = ({ models }: Pick<Environment, 'models'>) => models?.[0]?.usdPerMillionTokens;

function line(what: string, tokens: number, unitPriceUsd: number): CostLine {
  const quantity = tokens / 1e6;
  return {
    part: 'models',
    what: `${what}, ${promisedHoursPerDay} h a day at the promise`,
    quantity,
    unit: 'million tokens',
    unitPriceUsd,
    monthlyUsd: quantity * unitPriceUsd,
  };
}
