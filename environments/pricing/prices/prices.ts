/**
 * Unit prices of AWS. `price(item, region)` answers with the row, and throws for what it does not know: a part without
 * a price must fail, never cost nothing.
 */

import { closestMatch } from 'leven';
import { apNortheast2 } from './ap-northeast-2.ts';
import { euCentral1 } from './eu-central-1.ts';
import type { PriceRow } from './price-book.ts';
import refreshed from './refreshed.json' with { type: 'json' };
import { usEast1 } from './us-east-1.ts';

/** What `npm run prices -- refresh` has read of a region. */
export interface Refreshed {
  readonly source: string;
  readonly asOf: string;
  readonly amounts: Readonly<Record<string, number>>;
}

/** The rows, those that were read from AWS's list in place of what was copied by hand. */
export function withRefreshed(
  rows: readonly PriceRow[],
  regions: Readonly<Record<string, Refreshed>>,
): readonly PriceRow[] {
  const units = new Map(rows.map(({ item, unit }) => [item, unit]));
  const read = Object.entries(regions).flatMap(([region, { source, asOf, amounts }]) =>
    Object.entries(amounts).map(
      ([item, amountUsd]): PriceRow => ({ item, region, amountUsd, unit: units.get(item) ?? '', source, asOf }),
    ),
  );
  const known = new Set(read.map(({ region, item }) => `${region} ${item}`));
  return [...rows.filter(({ region, item }) => !known.has(`${region} ${item}`)), ...read];
}

export const priceRows: readonly PriceRow[] = withRefreshed([...usEast1, ...apNortheast2, ...euCentral1], refreshed);

export const pricedRegions: readonly string[] = [...new Set(priceRows.map(({ region }) => region))];

const byKey = new Map(priceRows.map((row) => [`${row.region} ${row.item}`, row]));

/**
 * The price of one unit of an item in a region.
 *
 * @throws Error for an unknown region or item: given, allowed, nearest name.
 */
export function price(item: string, region: string): PriceRow {
  checkRegion(region);
  const row = byKey.get(`${region} ${item}`);
  if (row) return row;
  const items = priceRows.filter((each) => each.region === region).map((each) => each.item);
  const kind = item.split('/')[0];
  const alike = items.filter((each) => each.split('/')[0] === kind);
  throw new Error(
    `no price for '${item}' in ${region}; allowed: ${(alike.length > 0 ? alike : items).join(', ')}; ` +
      `nearest: '${closestMatch(item, items)}'. To add it, write a row with source and date into environments/pricing/prices/${region}.ts, or npm run prices -- refresh ${region}.`,
  );
}

/** Whether {@link price} knows the item there. */
export const isPriced = (item: string, region: string): boolean => byKey.has(`${region} ${item}`);

/** @throws Error for a region without prices: given, allowed, nearest name. */
export function checkRegion(region: string): void {
  if (!pricedRegions.includes(region))
    throw new Error(
      `no prices for region '${region}'; allowed: ${pricedRegions.join(', ')}; nearest: '${closestMatch(region, pricedRegions)}'. ` +
        'To add a region, write its rows beside environments/pricing/prices/us-east-1.ts, or npm run prices -- refresh REGION.',
    );
}
