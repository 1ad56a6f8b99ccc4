/**
 * The figures of a bench and what is said about them. A figure is held against its goal, or told; one that is told holds
 * nothing, and one that is missing fails, whatever was meant with it.
 */

export type Verdict =
  | 'holds'
  | 'FAILS'
  /** Shown, held against nothing. */
  | 'told'
  /** There is no such number: nothing was measured, or everything was set aside. */
  | 'MISSING'
  /** Too much of it was set aside: see {@link setAsideShareMax}. */
  | 'TOO NOISY';

export interface Figure {
  /** Row of the checklist. */
  readonly row: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The same measured for the baseline in the same run; null where the goal is absolute. */
  readonly baseline?: number | null;
}

export interface Row extends Figure {
  /** What it must be, or why it is only told. @example '<= 0.6', 'told: one start' */
  readonly goal: string;
  readonly verdict: Verdict;
}

/** How many calls a figure is made of, and how many more were set aside. */
export interface Calls {
  readonly counted: number;
  readonly setAside: number;
}

/**
 * The tail that a 95th percentile tells of: were more set aside, all of it might be. (Slow calls meet more of what else
 * runs on a machine, so they go oftener.)
 */
export const setAsideShareMax = 0.05;

export const setAsideShare = (calls: readonly Calls[]): number => {
  const setAside = calls.reduce((sum, each) => sum + each.setAside, 0);
  return setAside / calls.reduce((sum, each) => sum + each.counted, setAside);
};

/** A goal that is an upper limit. @param from the calls behind the figure and behind what it is compared with */
export function atMost(max: number, figure: Figure, from: readonly Calls[] = []): Row {
  const noisy = from.some((calls) => setAsideShare([calls]) > setAsideShareMax);
  return row(figure, `<= ${max}`, noisy ? 'TOO NOISY' : figure.value <= max ? 'holds' : 'FAILS', [max]);
}

/** A goal in words. */
export const must = (goal: string, met: boolean, figure: Figure): Row => row(figure, goal, met ? 'holds' : 'FAILS');

/** @param why it is not held. @param fault what makes even a figure that is only told worthless, such as failed calls */
export const told = (why: string | null, figure: Figure, fault: string | null = null): Row =>
  row(figure, ['told', why, fault].filter(Boolean).join(': '), fault === null ? 'told' : 'FAILS');

/**
 * A bound in time, which a busy machine breaks: with `--quick`, as CI runs it beside other things, it is told. A figure that
 * is missing stays missing.
 */
export const onQuietMachine = (quick: boolean, held: Row): Row =>
  quick && held.verdict !== 'MISSING' ? { ...held, goal: `${held.goal}, told with --quick`, verdict: 'told' } : held;

/** Whether the run may be believed: the share of its calls that were set aside, in percent. */
export function setAsideRow(figure: Omit<Figure, 'value' | 'unit'>, calls: readonly Calls[]): Row {
  const share = setAsideShare(calls);
  const noisy = share > setAsideShareMax;
  const goal = `<= ${100 * setAsideShareMax}${noisy ? ': too noisy, not measured' : ''}`;
  return row({ ...figure, value: 100 * share, unit: '%' }, goal, noisy ? 'TOO NOISY' : 'holds');
}

function row(figure: Figure, goal: string, verdict: Verdict, others: readonly number[] = []): Row {
  const numbers = [figure.value, figure.baseline ?? 0, ...others];
  return { ...figure, goal, verdict: numbers.every(Number.isFinite) ? verdict : 'MISSING' };
}

/** A run passes when every figure is there, and whatever is held against a goal meets it. */
export const passes = (rows: readonly Row[]): boolean =>
  rows.length > 0 && rows.every(({ verdict }) => verdict === 'holds' || verdict === 'told');

/** @example '12 held, 1 failed, 20 told' */
export function summary(rows: readonly Row[]): string {
  const count = (...verdicts: readonly Verdict[]) => rows.filter(({ verdict }) => verdicts.includes(verdict)).length;
  const failed = count('FAILS', 'MISSING', 'TOO NOISY');
  return `${count('holds')} held, ${failed} failed, ${count('told')} told`;
}

/** Rows as aligned columns. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map(({ row: id, name, value, unit, goal, verdict, baseline }) => [
    id,
    name,
    `${rounded(value)} ${unit}`,
    goal,
    baseline === null || baseline === undefined ? '' : `${rounded(baseline)} ${unit}`,
    verdict,
  ]);
  const all = [['row', 'name', 'value', 'goal', 'baseline', ''], ...cells];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((line) => (line[column] ?? '').length)));
  return all
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const rounded = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(3));
