/** How old prices are. AWS changes few of them in a year, and then by a lot. */
import { pricedRegions, priceRows } from './prices.ts';

const daysMax = 180;

/** @returns what to do about it; undefined while all prices of the region are younger than half a year */
export function staleWarning(region: string, today: Date): string | undefined {
  const oldest = new Date(today.getTime() - daysMax * 86_400_000).toISOString().slice(0, 10);
  const stale = priceRows.filter((row) => row.region === region && row.asOf < oldest);
  if (stale.length === 0) return undefined;
  const since = stale.map(({ asOf }) => asOf).toSorted()[0];
  return `${stale.length} prices of ${region} are older than ${daysMax} days, the oldest of ${since}: npm run prices -- refresh ${region}`;
}

/** Of each of these regions that has old prices. @param regions @default all that have prices */
export const staleWarnings = (today: Date, regions: Iterable<string> = pricedRegions): string[] =>
  [...regions].flatMap((region) => staleWarning(region, today) ?? []);
