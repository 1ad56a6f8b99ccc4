/**
 * When a job will be done, from what waits now, how fast pages are read, and what else is likely to come meanwhile. Pure.
 */
import { flowOf } from './estimate-flow.ts';
import type { Outlook, Place } from './outlook.ts';
import { bandOf } from './policy.ts';
import { usedShare } from './policy-meter.ts';

export interface Estimate {
  /** Until its first page is granted. */
  readonly startsInMs: number;
  readonly finishesInMs: number;
  /** That are granted before its first one, whosever they are. */
  readonly pagesAhead: number;
}

/** Null: nothing was read yet and no account says how fast it may be. */
export function estimateOf(place: Place, outlook: Outlook): Estimate | null {
  const speed = speedOf(outlook);
  if (!speed) return null;
  const { pagesPerMs, pageMs } = speed;
  const perGrant = Math.min(outlook.pagesPerGrant, place.pagesLeft);
  const lastGrantMs = pageMs * Math.min(outlook.pagesPerGrant, Math.max(place.pagesLeft, place.pagesHeld, 1));
  if (!place.waiting) return { startsInMs: 0, finishesInMs: Math.max(0, lastGrantMs - place.heldMs), pagesAhead: 0 };
  const flow = flowOf(place, outlook, pagesPerMs);
  // Free slots take their pages at once; an account does not.
  const paced = speed.byAccount;
  const free = paced ? 0 : Math.max(0, outlook.slots - outlook.leases) * outlook.pagesPerGrant;
  const afterMs = (pages: number) => outlook.heldMs + Math.max(0, pages - free) / pagesPerMs;
  return {
    startsInMs: Math.round(afterMs(flow.startsAt)),
    // A grant is given before its pages are read, and at once when it is its turn: half of one on average.
    finishesInMs: Math.round(afterMs(Math.max(0, flow.endsAt - perGrant / 2)) + lastGrantMs),
    pagesAhead: Math.round(flow.startsAt),
  };
}

/** Where a job would stand that came now: behind what its tenant has waiting in its band. */
export function newcomer(tenant: string, pages: number, { bands }: Outlook): Place {
  const band = bandOf(pages) + 1;
  const pagesAhead = bands[band - 1]?.backlog.get(tenant) ?? 0;
  return {
    tenant,
    kind: 'parse',
    band,
    waiting: true,
    pagesLeft: pages,
    pagesHeld: 0,
    heldMs: 0,
    jobsAhead: 0,
    pagesAhead,
  };
}

interface Speed {
  readonly pagesPerMs: number;
  /** Of a page in its grant. */
  readonly pageMs: number;
  readonly byAccount: boolean;
}

function speedOf(outlook: Outlook): Speed | null {
  const { readMs, readPages, readGrants, slots, factor, requestsPerMinute, pagesPerMinute, pagesPerGrant } = outlook;
  const pageMs = readPages > 0 ? readMs / readPages : null;
  const perGrant = readGrants > 0 ? readPages / readGrants : pagesPerGrant;
  const byAccount = Math.min(
    pagesPerMinute ?? Number.POSITIVE_INFINITY,
    (requestsPerMinute ?? Number.POSITIVE_INFINITY) * perGrant,
  );
  const ofAccount = (byAccount * usedShare * factor) / 60_000;
  const ofSlots = pageMs === null ? Number.POSITIVE_INFINITY : Math.max(1, slots) / Math.max(pageMs, 0.01);
  const pagesPerMs = Math.min(ofAccount, ofSlots);
  if (!Number.isFinite(pagesPerMs)) return null;
  return { pagesPerMs, pageMs: pageMs ?? 0, byAccount: ofAccount <= ofSlots };
}
