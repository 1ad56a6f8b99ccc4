/** What a model on an instance of one's own costs, beside one that is billed by tokens. */
import { hoursPerMonth } from '../pricing/lines.ts';
import type { Habits } from './model.ts';

export interface OwnModel {
  readonly hourlyUsd: number;
  /** Written by all answers together when the instance is full, as measured with prompts of the habits' length. */
  readonly tokensPerSecond: number;
  /** Share of the hours paid in which it writes as fast: nights and weekends are paid too. */
  readonly utilisation: number;
}

export interface ApiPrice {
  readonly usdPerMillionIn: number;
  readonly usdPerMillionOut: number;
}

export interface OwnModelCost {
  readonly gpuHoursPerMillion: number;
  /** Per million tokens written, what is read for them included. */
  readonly ownUsdPerMillion: number;
  readonly apiUsdPerMillion: number;
  /** Million tokens written in a month at which both cost the same. */
  readonly breakEvenMillion: number;
  /** The utilisation at that load; above 1 the API is cheaper however full the instance is. */
  readonly breakEvenUtilisation: number;
  readonly breakEvenAnswersPerDay: number;
}

/** @throws Error for what is not a positive number, or a utilisation above 1 */
export function ownModelCost(
  { hourlyUsd, tokensPerSecond, utilisation }: OwnModel,
  { usdPerMillionIn, usdPerMillionOut }: ApiPrice,
  { promptTokens, answerTokens }: Habits,
): OwnModelCost {
  const given = { hourlyUsd, tokensPerSecond, utilisation, usdPerMillionIn, usdPerMillionOut };
  for (const [name, value] of Object.entries(given))
    if (!(value > 0 && Number.isFinite(value))) throw new Error(`given ${name} ${value}; allowed: a number above 0`);
  if (utilisation > 1) throw new Error(`given utilisation ${utilisation}; allowed: above 0, at most 1`);
  const gpuHoursPerMillion = 1e6 / (tokensPerSecond * utilisation * 3600);
  const apiUsdPerMillion = usdPerMillionOut + (usdPerMillionIn * promptTokens) / answerTokens;
  const breakEvenMillion = (hourlyUsd * hoursPerMonth) / apiUsdPerMillion;
  return {
    gpuHoursPerMillion,
    ownUsdPerMillion: gpuHoursPerMillion * hourlyUsd,
    apiUsdPerMillion,
    breakEvenMillion,
    breakEvenUtilisation: (breakEvenMillion * 1e6) / (tokensPerSecond * 3600 * hoursPerMonth),
    breakEvenAnswersPerDay: (breakEvenMillion * 1e6 * 12) / answerTokens / 365,
  };
}

export function ownModelText(cost: OwnModelCost, { utilisation }: OwnModel): string {
  const { breakEvenUtilisation: share } = cost;
  return [
    `GPU hours per million tokens written, ${percent(utilisation)} in use: ${cost.gpuHoursPerMillion.toFixed(2)}`,
    `USD per million: own ${cost.ownUsdPerMillion.toFixed(2)}, API ${cost.apiUsdPerMillion.toFixed(2)} (what is read included)`,
    share > 1
      ? `break-even: none. Both would cost the same at ${percent(share)} in use, so the API is cheaper at any load.`
      : `break-even: ${cost.breakEvenMillion.toFixed(0)} million tokens a month, ${Math.ceil(cost.breakEvenAnswersPerDay).toLocaleString('en-US')} answers a day, ${percent(share)} in use`,
  ].join('\n');
}

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
