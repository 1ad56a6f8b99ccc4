/**
 * How many pages a schedule grants until a job's first and its last. Pure.
 *
 * The rules of policy.ts as a flow: bands share by weight, tenants inside a band equally, a tenant is sure of half a fair
 * share. So it takes the same few steps whether ten documents wait or a hundred thousand; a test holds it against the
 * policy itself. Newcomers are part of it: short documents that arrive later still go first.
 */
import { bandPagesMax } from '../contract/job.ts';
import type { Outlook, Place } from './outlook.ts';
import { bandOf, creditShare, weights } from './policy.ts';

/** A step of the flow is this share of the time so far: newcomers change slowly. */
const stepShare = 0.08;
const stepPagesMin = 1;
/** Newcomers that must be expected before one is counted. */
const medianJobs = Math.LN2;
/** More than any schedule holds: an account that is slower than what arrives never comes to the end. */
const stepsMax = 400;

/** One band as the flow sees it. */
interface Band {
  readonly weight: number;
  /** Pages of all tenants, ascending, and of the job's own. */
  readonly sorted: readonly number[];
  readonly ofTenant: number;
  /** How much each tenant of the band was given so far. */
  level: number;
  /** Pages of the job's own tenant that go before it. */
  own: number;
  /** Pages that arrive per page read, in documents of so many. */
  readonly arriving: number;
  readonly newcomerPages: number;
  /** Of those that came since. */
  newcomers: number;
}

/** How many pages the schedule grants until the job's first and its last. */
export function flowOf(place: Place, outlook: Outlook, pagesPerMs: number): { startsAt: number; endsAt: number } {
  const bands = bandsOf(place, outlook, pagesPerMs);
  let left = place.pagesLeft;
  let granted = 0;
  let startsAt: number | null = null;
  // What came in the last hour says little of what comes in more than an hour.
  const fadePages = pagesPerMs * outlook.windowMs;
  for (let steps = 0; left > 1e-6 && steps < stepsMax; steps++) {
    const at = bandOf(Math.ceil(left));
    const shares = sharesOf(bands, at);
    const toNextBand = left - (lowerEnd[at] as number);
    let step = Math.max(stepPagesMin, stepShare * granted);
    for (const [index, band] of bands.entries()) {
      const own = shares[index]?.own ?? 0;
      if (own <= 0) continue;
      if (band.own > 0) step = Math.min(step, band.own / own);
      else if (index === at) step = Math.min(step, toNextBand / own);
    }
    step = Math.max(step, 1e-3);
    for (const [index, band] of bands.entries()) {
      const { own = 0, each = 0, newcomers = 0 } = shares[index] ?? {};
      band.level += each * step;
      // Half of the time nobody has come before so many are due: Poisson's median.
      const due = (granted * band.arriving) / band.newcomerPages > medianJobs;
      const arriving = due ? band.arriving * Math.exp(-granted / fadePages) : 0;
      band.newcomers = Math.max(0, band.newcomers + (arriving - newcomers) * step);
      if (band.own > 0) band.own = Math.max(0, band.own - own * step);
      else if (index === at && own > 0) {
        startsAt ??= granted;
        left -= own * step;
      }
    }
    granted += step;
  }
  const lead = leadOf(place, bandsOf(place, outlook, pagesPerMs), Math.min(outlook.pagesPerGrant, place.pagesLeft));
  return { startsAt: startsAt ?? granted, endsAt: Math.max(place.pagesLeft, granted - lead) };
}

/** Turns are whole grants: of the others one is just over when a document comes, so it has had its share already. */
function leadOf({ pagesLeft, band: at }: Place, bands: readonly Band[], perGrant: number): number {
  const of = bands[at - 1];
  if (!of) return 0;
  return bands.reduce((lead, band, index) => {
    if (index === at - 1) return lead + othersOf(band) * Math.min(perGrant / 2, pagesLeft);
    const most = (pagesLeft * band.weight) / of.weight;
    return lead + (othersOf(band) > 0 || band.own > 0 ? Math.min(0.75 * perGrant, most) : 0);
  }, 0);
}

/** Pages left with which a job leaves a band for the one below. */
const lowerEnd = [0, ...bandPagesMax];

function bandsOf(place: Place, { bands, observedMs, windowMs }: Outlook, pagesPerMs: number): Band[] {
  // Counts fade with the window; one that was not watched for long holds less.
  const seenMs = windowMs * (1 - Math.exp(-Math.max(observedMs, 1) / windowMs));
  return bands.map(({ backlog, sorted, arrived }, index) => {
    const own = backlog.get(place.tenant) ?? 0;
    // The job itself is no newcomer, nor is the batch that it came in.
    const itself = index === place.band - 1 ? 1 : 0;
    const batches = Math.max(0, arrived.batches - itself);
    const pages = batches > 0 ? Math.max(0, arrived.pages - itself * (place.pagesLeft + place.pagesHeld)) : 0;
    return {
      weight: weights[index] as number,
      sorted,
      // Its tenant's heavier documents have their band's share as those of others have.
      ofTenant: index > place.band - 1 ? 0 : own,
      level: 0,
      own: index === place.band - 1 ? place.pagesAhead : index < place.band - 1 ? own : 0,
      arriving: pages / seenMs / pagesPerMs,
      newcomerPages: pages > 0 ? pages / batches : 1,
      newcomers: 0,
    };
  });
}

/** Other tenants that still wait in the band. */
const othersOf = ({ sorted, ofTenant, level }: Band): number =>
  sorted.length - firstAbove(sorted, level) - (ofTenant > level ? 1 : 0);

interface Share {
  /** Of the job's tenant. */
  own: number;
  /** Of each other tenant. */
  each: number;
  newcomers: number;
}

/** Who gets how much of each page that is granted now. */
function sharesOf(bands: readonly Band[], at: number): Share[] {
  const counted = bands.map((band, index) => {
    const others = othersOf(band);
    const own = band.own > 0 || index === at ? 1 : 0;
    return { others, own, newcomers: band.newcomers / band.newcomerPages };
  });
  const filled = fill(
    bands.map(({ weight, arriving, newcomers }, index) => {
      const { others = 0, own = 0 } = counted[index] ?? {};
      return { weight, most: others + own > 0 ? 1 : Math.min(newcomers, arriving + newcomers / 10) };
    }),
  );
  const shares = counted.map(({ others, own, newcomers }, index): Share => {
    const share = (filled[index] as number) / Math.max(1e-9, others + own + newcomers);
    return { own: own * share, each: share, newcomers: newcomers * share };
  });
  const ofTenant = shares.reduce((sum, { own }) => sum + own, 0);
  const tenants = counted.reduce((sum, { others, newcomers }) => sum + others + newcomers, 1);
  const sure = creditShare / tenants;
  if (ofTenant >= sure) return shares;
  // What credit gives is taken from all others alike, and goes to the tenant's lightest documents.
  const rest = (1 - sure) / (1 - ofTenant);
  const lightest = counted.findIndex(({ own }) => own > 0);
  return shares.map(({ own, each, newcomers }, index) => ({
    own: own + (index === lightest ? sure - ofTenant : 0),
    each: each * rest,
    newcomers: newcomers * rest,
  }));
}

/** Shares by weight of those that want more than they get; who wants less gets that. */
function fill(wanting: readonly { readonly weight: number; readonly most: number }[]): number[] {
  const given = wanting.map(() => 0);
  let open = wanting.flatMap(({ most }, index) => (most > 0 ? [index] : []));
  let rest = 1;
  while (open.length > 0 && rest > 1e-9) {
    const weight = open.reduce((sum, index) => sum + (wanting[index]?.weight ?? 0), 0);
    const offered = rest;
    const share = (index: number) => (offered * (wanting[index]?.weight ?? 0)) / weight;
    const full = open.filter((index) => (wanting[index]?.most ?? 0) - (given[index] as number) <= share(index));
    for (const index of full.length > 0 ? full : open) {
      const more = full.length > 0 ? (wanting[index]?.most ?? 0) - (given[index] as number) : share(index);
      given[index] = (given[index] as number) + more;
      rest -= more;
    }
    if (full.length === 0) break;
    open = open.filter((index) => !full.includes(index));
  }
  return given;
}

/** How many of these are used up; ascending. */
function firstAbove(sorted: readonly number[], level: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) > level) high = middle;
    else low = middle + 1;
  }
  return low;
}
