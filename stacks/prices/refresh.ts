/** Reads a region's prices from AWS's public list, which needs no account. The files are large: they are read as they come. */
import { pipeline, Readable } from 'node:stream';
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
  /** Wanted and not in the list: they keep the price they have; {@link checkKept}. */
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
    missing: [...items].filter((item) => !(item in amounts) && !ambiguous.includes(item)).toSorted(),
    ambiguous,
  };
}

/**
 * A region's prices of a list replace those of the list before: one that is only in that would be lost.
 *
 * @param before What was read of the region the last time.
 * @throws Error naming those: what to do
 */
export function checkKept(region: string, before: Refreshed | undefined, refreshed: Refreshed): void {
  const lost = Object.keys(before?.amounts ?? {}).filter((item) => !(item in refreshed.amounts));
  if (before && lost.length > 0)
    throw new Error(
      `${lost.join(', ')} of ${region} were read on ${before.asOf} and are not in the list of ${refreshed.asOf}, or at several prices, so nothing is written. ` +
        'Move them by hand out of environments/pricing/prices/refreshed.json into a row with source and date, or delete them.',
    );
}

/** @returns the date of the list */
async function readOffer(offer: Offer, region: string, from: string, found: FoundPrices): Promise<string> {
  const url = `${from}/offers/v1.0/aws/${offer}/current/${region}/index.csv`;
  let date: string | undefined;
  let columns: readonly string[] | undefined;
  let termColumn = -1;
  let line = 0;
  for await (const cells of linesOf(url)) {
    line += 1;
    if (cells[0] === 'Publication Date') date = cells[1]?.slice(0, 10);
    if (line <= linesBefore) continue;
    if (!columns) {
      columns = cells;
      termColumn = columns.indexOf('TermType');
      // A list without rows of ours has its columns all the same.
      if (!columns.includes('usageType') || !date)
        throw new Error(
          `the price list of ${offer} has another format than expected: given columns ${columns.slice(0, 5).join(', ')}...; needed: usageType, and a Publication Date before`,
        );
      continue;
    }
    // Most of a list is of other terms.
    if (cells[termColumn] !== 'OnDemand') continue;
    found.add(offer, offerRow(offer, Object.fromEntries(columns.map((column, index) => [column, cells[index]]))));
  }
  if (!date) throw new Error(`${url} is empty; prices stay as they are`);
  return date;
}

/** As they come; whoever stops reading ends the download. @throws Error saying which list, when it is not there or breaks off */
async function* linesOf(url: string): AsyncGenerator<string[]> {
  const unreadable = (error: unknown) =>
    new Error(`${url} cannot be read (${(error as Error).message}); prices stay as they are`);
  const response = await fetch(url, { signal: AbortSignal.timeout(offerMs) }).catch((error: unknown) => {
    throw unreadable(error);
  });
  if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}; prices stay as they are`);
  const lines = parse({ relax_column_count: true });
  // Its faults come out of `lines`.
  pipeline(Readable.fromWeb(response.body as never), lines, () => {});
  try {
    yield* lines as AsyncIterable<string[]>;
  } catch (error) {
    throw unreadable(error);
  }
}
