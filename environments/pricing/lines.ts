/** A cost is a list of lines, each one price times one quantity, so that a total can be followed to its rows. */
import { price } from './prices/prices.ts';

/** What AWS and infracost count as a month: 365 x 24 / 12. */
export const hoursPerMonth = 730;

export interface CostLine {
  /** Tier or shared part. @example 'chat' */
  readonly part: string;
  /** @example '2 x 0.5 vCPU' */
  readonly what: string;
  readonly quantity: number;
  readonly unit: string;
  readonly unitPriceUsd: number;
  readonly monthlyUsd: number;
}

/** Makes the lines of one part in one region. */
export type LineMaker = (what: string, quantity: number, item: string) => CostLine;

/** @throws Error when an item has no price, or a quantity is not a finite number of at least 0. */
export function lineMaker(part: string, region: string): LineMaker {
  return (what, quantity, item) => {
    if (!Number.isFinite(quantity) || quantity < 0)
      throw new Error(`given quantity ${quantity} of '${item}' for ${part}; allowed: a finite number of at least 0`);
    const { unit, amountUsd } = price(item, region);
    return { part, what, quantity, unit, unitPriceUsd: amountUsd, monthlyUsd: quantity * amountUsd };
  };
}

export const totalUsd = (lines: readonly CostLine[]): number =>
  lines.reduce((total, { monthlyUsd }) => total + monthlyUsd, 0);

/** Sums per part, the dearest first. */
export function partTotals(lines: readonly CostLine[]): readonly { part: string; monthlyUsd: number }[] {
  return Object.entries(Object.groupBy(lines, ({ part }) => part))
    .map(([part, own = []]) => ({ part, monthlyUsd: totalUsd(own) }))
    .toSorted((a, b) => b.monthlyUsd - a.monthlyUsd);
}
