/**
 * Who is served next: banded start-time fair queueing over tenants, shortest remaining first inside a tenant, tenant credit
 * above, and a meter that may have nothing to give. A pure function; lua/picking.lua does the same in Redis with sorted
 * sets, and a test holds it against this one.
 */
import { bandPagesMax, lanePagesMax } from '../contract/job.ts';
import { type Meter, meterAtMs, metered } from './policy-meter.ts';

export interface WaitingJob {
  readonly id: string;
  readonly tenantId: string;
  /** Pages that wait; at least 1. */
  readonly left: number;
  readonly enqueuedAtMs: number;
}

export interface PolicyState {
  readonly jobs: readonly WaitingJob[];
  /** Tenants whose work is under way and will wait again: they keep what credit they have. */
  readonly busy: ReadonlySet<string>;
  /** Virtual time: the highest tag of a band that was served. */
  readonly time: number;
  readonly bands: readonly BandState[];
  /** What every backlogged tenant has earned; credit is held as the difference to it. */
  readonly earned: number;
  readonly credit: ReadonlyMap<string, number>;
  /** Pages that the last band is behind its share. */
  readonly heavyLag: number;
  /** Grants of the last band. */
  readonly heavyTurns: number;
  /** Of the account that the pages are read with; absent: there is no limit. */
  readonly meter?: Meter;
}

interface BandState {
  /** Start tag of the band. */
  readonly tag: number;
  /** Virtual time among its tenants. */
  readonly time: number;
  /** Start tags of tenants, also of those that have nothing in it now. */
  readonly tenants: ReadonlyMap<string, number>;
}

export interface Asking {
  readonly slots: number;
  /** Held by documents outside of the light lane: all but one may be. */
  readonly heavySlots: number;
  readonly pagesMax: number;
  /** Inside a tenant and band; where work is not given page by page, a stream of shorter ones would keep a job waiting. */
  readonly inTenant?: 'shortest' | 'oldest';
}

export type Decision = { readonly state: PolicyState } & (
  | { readonly grant: { readonly jobId: string; readonly pages: number } }
  | { readonly sleepMs: number }
);

export const weights = [8, 4, 2, 1];
const last = weights.length - 1;
const lastLight = bandPagesMax.indexOf(lanePagesMax.light);
/** Pages of credit above which a tenant is served first. */
const creditMax = 10;
/** Of its fair share that a tenant is sure of. */
export const creditShare = 0.5;
/** Of all pages that the last band is sure of, also while credit is served. */
const heavyShare = 1 / 15;
/** Pages the last band may fall behind that share: two grants. */
const heavyLagMax = 100;
/** Every so many grants the last band serves the tenant's oldest job. */
const agedEvery = 4;
const sleepMaxMs = 1000;

export const emptyPolicy = (meter?: Meter): PolicyState => ({
  jobs: [],
  busy: new Set(),
  time: 0,
  bands: weights.map(() => ({ tag: 0, time: 0, tenants: new Map() })),
  earned: 0,
  credit: new Map(),
  heavyLag: 0,
  heavyTurns: 0,
  ...(meter && { meter }),
});

/** The same state with these jobs waiting: all that there are. */
export function withJobs(state: PolicyState, jobs: readonly WaitingJob[], busy = state.busy): PolicyState {
  const bands = state.bands.map((band, index) => {
    const before = tenantsIn(state.jobs, index);
    const joined = [...tenantsIn(jobs, index)].filter((tenant) => !before.has(tenant));
    if (joined.length === 0) return band;
    const tags = joined.map((tenant) => [tenant, Math.max(band.time, band.tenants.get(tenant) ?? 0)] as const);
    return { ...band, tenants: new Map([...band.tenants, ...tags]) };
  });
  // Only tenants with pages waiting earn credit; who has none any more starts again from 0.
  const tenants = new Set([...jobs.map(({ tenantId }) => tenantId), ...busy]);
  const credit = new Map([...tenants].map((tenant) => [tenant, state.credit.get(tenant) ?? -state.earned]));
  return { ...state, jobs, busy, bands, credit };
}

export function decide(state: PolicyState, { slots, heavySlots, pagesMax, inTenant }: Asking, nowMs: number): Decision {
  const { meter } = state;
  const free = meter && meterAtMs(meter, { requests: 1, pages: 1 }, nowMs);
  if (free && free.atMs > nowMs) return { state, sleepMs: Math.min(sleepMaxMs, Math.ceil(free.atMs - nowMs)) };
  const lastBand = slots > 1 && heavySlots >= slots - 1 ? lastLight : last;
  const picked = pick(state, lastBand, inTenant === 'oldest' ? oldestInBand : shortestFirst);
  if (!picked.job) return { state: picked.state, sleepMs: sleepMaxMs };
  const { job } = picked;
  const pages = Math.min(pagesMax, job.left, free?.pagesRoom ?? pagesMax);
  const charged = chargeShares(picked.charge(pages), job, pages, picked.byCredit);
  const jobs = charged.jobs.flatMap((one) => {
    if (one !== job) return [one];
    return one.left > pages ? [{ ...one, left: one.left - pages }] : [];
  });
  const next = meter ? { ...charged, meter: metered(meter, { requests: 1, pages }, nowMs) } : charged;
  return { state: withJobs(next, jobs), grant: { jobId: job.id, pages } };
}

interface Picked {
  readonly state: PolicyState;
  readonly job?: WaitingJob;
  readonly byCredit: boolean;
  readonly charge: (pages: number) => PolicyState;
}

function pick(state: PolicyState, lastBand: number, order: Order): Picked {
  const heavy = lastBand === last && tenantsIn(state.jobs, last).size > 0 && state.heavyLag > heavyLagMax;
  const byCredit = heavy ? undefined : pickByCredit(state, lastBand, order);
  if (byCredit) return { state, job: byCredit, byCredit: true, charge: () => state };
  // A band that had nothing saves nothing up.
  const bands = state.bands.map((band, index) =>
    tenantsIn(state.jobs, index).size > 0 ? band : { ...band, tag: Math.max(band.tag, state.time) },
  );
  const caughtUp = { ...state, bands };
  const band = heavy
    ? last
    : least(
        bandNumbers.filter((index) => index <= lastBand && tenantsIn(state.jobs, index).size > 0),
        (index) => [(bands[index] as BandState).tag],
      );
  if (band === undefined) return { state: caughtUp, byCredit: false, charge: () => caughtUp };
  return pickInBand(caughtUp, band, order);
}

const bandNumbers = weights.map((_, index) => index);

function pickByCredit({ jobs, credit, earned }: PolicyState, lastBand: number, order: Order): WaitingJob | undefined {
  const richest = [...credit].reduce<[string, number] | undefined>(
    (most, one) => (!most || one[1] > most[1] || (one[1] === most[1] && one[0] > most[0]) ? one : most),
    undefined,
  );
  if (!richest || richest[1] + earned <= creditMax) return undefined;
  return least(
    jobs.filter(({ tenantId, left }) => tenantId === richest[0] && bandOf(left) <= lastBand),
    order,
  );
}

/** The tenant with the smallest start tag, and of its jobs the first. */
function pickInBand(state: PolicyState, index: number, order: Order): Picked {
  const band = state.bands[index] as BandState;
  const tenant = least([...tenantsIn(state.jobs, index)], (one) => [band.tenants.get(one) ?? 0, one]) as string;
  const tag = band.tenants.get(tenant) ?? 0;
  const heavyTurns = state.heavyTurns + (index === last ? 1 : 0);
  const aged = index === last && heavyTurns % agedEvery === 0;
  const jobs = state.jobs.filter((job) => job.tenantId === tenant && bandOf(job.left) === index);
  const job = least(jobs, aged ? oldestFirst : order) as WaitingJob;
  const turned = { ...state, heavyTurns };
  const charge = (pages: number): PolicyState => ({
    ...turned,
    time: Math.max(state.time, band.tag),
    bands: state.bands.map((one, at) =>
      at === index
        ? {
            tag: band.tag + pages / (weights[index] as number),
            time: tag,
            tenants: new Map(band.tenants).set(tenant, tag + pages),
          }
        : one,
    ),
  });
  return { state: turned, job, byCredit: false, charge };
}

function chargeShares(state: PolicyState, job: WaitingJob, pages: number, byCredit: boolean): PolicyState {
  const earned = state.earned + (creditShare * pages) / Math.max(1, state.credit.size);
  const owed = (state.credit.get(job.tenantId) ?? 0) + earned - pages;
  // Who was served in its turn owes at most 10 pages; who was served by credit pays in full.
  const credit = byCredit ? owed : Math.max(owed, -creditMax);
  const paid = bandOf(job.left) === last ? pages : 0;
  const heavyLag =
    tenantsIn(state.jobs, last).size === 0 ? 0 : Math.max(-heavyLagMax, state.heavyLag + heavyShare * pages - paid);
  return { ...state, earned, credit: new Map(state.credit).set(job.tenantId, credit - earned), heavyLag };
}

export function bandOf(left: number): number {
  const band = bandPagesMax.findIndex((most) => left <= most);
  return band < 0 ? last : band;
}

export const isLight = (left: number): boolean => bandOf(left) <= lastLight;

const tenantsIn = (jobs: readonly WaitingJob[], band: number) =>
  new Set(jobs.filter(({ left }) => bandOf(left) === band).map(({ tenantId }) => tenantId));

type Order = (job: WaitingJob) => readonly (number | string)[];
const oldestFirst = ({ enqueuedAtMs, id }: WaitingJob) => [enqueuedAtMs, id];
const shortestFirst = (job: WaitingJob) => [job.left, ...oldestFirst(job)];
const oldestInBand = (job: WaitingJob) => [bandOf(job.left), ...oldestFirst(job)];

/** The one whose key comes first: part by part, the first of those that tie. */
function least<One>(all: readonly One[], keyOf: (one: One) => readonly (number | string)[]): One | undefined {
  let best: { one: One; key: readonly (number | string)[] } | undefined;
  for (const one of all) {
    const key = keyOf(one);
    const differs = best?.key.findIndex((part, index) => part !== key[index]) ?? -1;
    if (!best || (differs >= 0 && (key[differs] as number) < (best.key[differs] as number))) best = { one, key };
  }
  return best?.one;
}
