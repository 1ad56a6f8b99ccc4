/** What answers cost at whoever bills the model by tokens. */
import type { Environment } from '../environment.ts';
import type { Habits } from './model.ts';

/**
 * USD of one answer by the model that is asked by default. Undefined: the environment names no price. 0: the built-in
 * answerer, or a model that the list says is free.
 */
export function answerUsd(
  { models, chatModel }: Pick<Environment, 'models' | 'chatModel'>,
  { promptTokens, answerTokens }: Habits,
): number | undefined {
  const [model] = models ?? [];
  if (!model) return chatModel ? undefined : 0;
  const price = model.usdPerMillionTokens;
  return price && (promptTokens * price.in + answerTokens * price.out) / 1e6;
}
