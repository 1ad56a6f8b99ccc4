/** Reads a region's prices from AWS's public list, which needs no account. The files are large: they are read as they come. */
import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import {
  FoundPrices,
  type Offer,
  offerRow,
  offers,
  refreshableRegions,
} from '../../environments/pricing/prices/offers.ts';
import { priceRows, type Refreshed } from '../../environments/pricing/prices/prices.ts';

export const publicList = 'https://pricing.us-east-1.amazonaws.com';
/** A day's list says so before its table: format, disclaimer, date, version, offer. */
const linesBefore = 5;
/** A price that moved more was read wrongly, or needs a person to look. */
const changeMax = 3;
/** The list of EC2 has some hundred MB. */
const offerMs = 600_000;

export interface Refresh {
  readonly refreshed: Refreshed;
  /** Before and now. */
  readonly changed: readonly string[];
  /** Wanted and not in the list: they keep the price they have. */
  readonly missing: readonly string[];
  readonly ambiguous: readonly string[];
}

/**
 * @param from Base address of the list.
 * @throws Error when the list cannot be read or has another format, or a price is beyond belief
 */
export async function refreshRegion(region: string, from = publicList): Promise<Refresh> {
  if (!refreshableRegions.includes(region))
    throw new Error(
      `given region '${region}'; allowed: ${refreshableRegions.join(', ')}. To add one, write its prefix of usage types into environments/pricing/prices/offers.ts.`,
    );
  const items = new Set(priceRows.map(({ item }) => item));
  const found = new FoundPrices(region, items);
  const dates: string[] = [];
  for (const offer of offers) dates.push(await readOffer(offer, region, from, found));
  const { amounts, ambiguous } = found.result();
  const before = new Map(priceRows.filter((row) => row.region === region).map((row) => [row.item, row.amountUsd]));
  const changed = Object.entries(amounts).flatMap(([item, amountUsd]) => {
    const old = before.get(item);
    if (old !== undefined && (amountUsd > old * changeMax || amountUsd * changeMax < old))
      throw new Error(
        `${item} in ${region} was ${old} and is ${amountUsd} in the list: more than ${changeMax} times, so nothing is written. Look at ${from}, and change the row by hand.`,
      );
    return old === amountUsd ? [] : [`${item}: ${old ?? 'none'} -> ${amountUsd}`];
  });
  return {
    refreshed: { source: `AWS Price List, ${from}`, asOf: dates.toSorted()[0] ?? '', amounts },
    changed,
    missing: [...items].filter((item) => !(item in amounts)).toSorted(),
    ambiguous,
  };
}

/** @returns the date of the list */
async function readOffer(offer: Offer, region: string, from: string, found: FoundPrices): Promise<string> {
  const url = `${from}/offers/v1.0/aws/${offer}/current/${region}/index.csv`;
  const response = await fetch(url, { signal: AbortSignal.timeout(offerMs) }).catch((error: Error) => {
    throw new Error(`${url} cannot be read (${error.message}); prices stay as they are`);
  });
  if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}; prices stay as they are`);
  let date: string | undefined;
  let columns: readonly string[] | undefined;
  const lines = Readable.fromWeb(response.body as never).pipe(parse({ relax_column_count: true }));
  let line = 0;
  for await (const cells of lines as AsyncIterable<string[]>) {
    line += 1;
    if (cells[0] === 'Publication Date') date = cells[1]?.slice(0, 10);
    if (line <= linesBefore) continue;
    if (!columns) {
      columns = cells;
      // A list without rows of ours has its columns all the same.
      if (!columns.includes('usageType') || !date)
        throw new Error(
          `the price list of ${offer} has another format than expected: given columns ${columns.slice(0, 5).join(', ')}...; needed: usageType, and a Publication Date before`,
        );
      continue;
    }
    const row = Object.fromEntries(columns.map((column, index) => [column, cells[index]]));
    if (row.TermType === 'OnDemand') found.add(offer, offerRow(offer, row));
  }
  if (!date) throw new Error(`${url} is empty; prices stay as they are`);
  return date;
}
