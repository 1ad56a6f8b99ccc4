/** What lua/meters.lua does, as pure functions: GCRA without burst, and the last minute counted. */

/** An account at a provider with its limits. Absent or 0: no limit. */
export interface MeteredAccount {
  /** @example 'parser' */
  readonly name: string;
  readonly requestsPerMinute?: number;
  readonly pagesPerMinute?: number;
  readonly tokensPerMinute?: number;
}

/** Whole numbers. */
export interface MeterAmounts {
  readonly requests?: number;
  readonly pages?: number;
  readonly tokens?: number;
}

export interface Meter {
  readonly account: MeteredAccount;
  readonly units: Readonly<Record<Unit, MeterUnit>>;
  /** The share of the limit that is used. */
  readonly factor: number;
}

export interface MeterUnit {
  readonly nextAtMs: number;
  /** Oldest first; those of one piece of time are one. */
  readonly taken: readonly { readonly atMs: number; readonly amount: number }[];
}

const units = ['requests', 'pages', 'tokens'] as const;
type Unit = (typeof units)[number];
/** Of an account's limit: the rest is for calls that reach the provider closer together than they left. The script is told it. */
export const usedShare = 0.995;
const minuteMs = 60_000 / usedShare;
const entryMs = 50;
const lateMs = 100;

/** Begins empty: nothing before the time that this much takes. */
export function emptyMeter(account: MeteredAccount, nowMs: number, amounts: MeterAmounts): Meter {
  const unitOf = (unit: Unit): MeterUnit => ({
    nextAtMs: nowMs + (limitOf(account, unit) > 0 ? (amounts[unit] ?? 0) * intervalOf(account, unit, 1) : 0),
    taken: [],
  });
  return {
    account,
    factor: 1,
    units: { requests: unitOf('requests'), pages: unitOf('pages'), tokens: unitOf('tokens') },
  };
}

/** When the amounts may be taken, and how many pages the minute has room for now. */
export function meterAtMs({ account, units: of }: Meter, amounts: MeterAmounts, nowMs: number) {
  let atMs = nowMs;
  for (const unit of units) {
    const limit = limitOf(account, unit);
    const amount = amounts[unit] ?? 0;
    if (limit > 0 && amount > 0)
      atMs = Math.max(atMs, of[unit].nextAtMs, roomAtMs(of[unit], limit, Math.min(amount, limit), nowMs));
  }
  const pages = limitOf(account, 'pages');
  return { atMs, pagesRoom: pages > 0 ? pages - sumOf(recent(of.pages, nowMs)) : Number.POSITIVE_INFINITY };
}

export function metered(meter: Meter, amounts: MeterAmounts, nowMs: number): Meter {
  const after = (unit: Unit): MeterUnit => {
    const amount = amounts[unit] ?? 0;
    const of = meter.units[unit];
    if (limitOf(meter.account, unit) === 0 || amount === 0) return of;
    const taken = recent(of, nowMs);
    const newest = taken.at(-1);
    const same = newest && Math.floor(newest.atMs / entryMs) === Math.floor(nowMs / entryMs);
    return {
      nextAtMs: Math.max(of.nextAtMs, nowMs - lateMs) + amount * intervalOf(meter.account, unit, meter.factor),
      taken: same
        ? [...taken.slice(0, -1), { atMs: nowMs, amount: newest.amount + amount }]
        : [...taken, { atMs: nowMs, amount }],
    };
  };
  return { ...meter, units: { requests: after('requests'), pages: after('pages'), tokens: after('tokens') } };
}

const limitOf = (account: MeteredAccount, unit: Unit) => account[`${unit}PerMinute`] ?? 0;
const intervalOf = (account: MeteredAccount, unit: Unit, factor: number) =>
  60_000 / (limitOf(account, unit) * usedShare * factor);
const recent = ({ taken }: MeterUnit, nowMs: number) => taken.filter(({ atMs }) => atMs > nowMs - minuteMs);
const sumOf = (taken: MeterUnit['taken']) => taken.reduce((sum, { amount }) => sum + amount, 0);

function roomAtMs(unit: MeterUnit, limit: number, amount: number, nowMs: number): number {
  const taken = recent(unit, nowMs);
  let over = sumOf(taken) + amount - limit;
  let atMs = 0;
  for (const entry of taken) {
    if (over <= 0) break;
    over -= entry.amount;
    atMs = entry.atMs + minuteMs;
  }
  return atMs;
}
