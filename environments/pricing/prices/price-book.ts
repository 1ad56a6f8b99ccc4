/**
 * The shape in which a region's prices are written down: amounts grouped by where they were read.
 *
 * `npm run prices -- refresh REGION` reads AWS's own list in place of them. By hand only what offers.ts lacks, as awswaf:
 * https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/<service>/current/<region>/index.json needs no
 * account; then change amount, source and date.
 */
export interface PriceRow {
  /** @example 'fargate/vcpu/arm64' */
  readonly item: string;
  readonly region: string;
  /** US dollars per unit, on demand, Linux, without tax and free tier. */
  readonly amountUsd: number;
  /** What one unit is. @example 'vCPU-hour' */
  readonly unit: string;
  /** Where the amount was read; says so when it was scaled from others instead. */
  readonly source: string;
  /** ISO date on which the source was right. */
  readonly asOf: string;
}

/** `unit`, then `item: amount`. */
type Amounts = readonly (readonly [unit: string, items: Readonly<Record<string, number>>])[];

export interface PriceSource {
  /** Says so when the amounts were scaled from others. No figure is from memory. */
  readonly source: string;
  /** ISO date on which the source was right. */
  readonly asOf: string;
  readonly amounts: Amounts;
}

export function priceBook(region: string, sources: readonly PriceSource[]): readonly PriceRow[] {
  return sources.flatMap(({ source, asOf, amounts }) =>
    amounts.flatMap(([unit, items]) =>
      Object.entries(items).map(([item, amountUsd]) => ({ item, region, amountUsd, unit, source, asOf })),
    ),
  );
}
