/** Holds a cost against a ceiling, and says what would fit. */
import { dollars } from './cost-table.ts';
import { type CostLine, partTotals, totalUsd } from './lines.ts';

/** One change to an environment, and what the environment then costs. */
export interface Alternative {
  /** @example "chat: replicas at most 8 -> 6" */
  readonly change: string;
  readonly lines: readonly CostLine[];
  /** What could be changed after it; computed only where one change is not enough. */
  readonly next?: (() => readonly Alternative[]) | undefined;
}

/** Deeper advice is a redesign, not a change. */
const changesMax = 12;

/**
 * Throws when the lines cost more than the ceiling, and names the total, what costs most, and the nearest change that
 * fits: of single changes the one that saves least; else the largest saver, and so on from there.
 *
 * @param alternatives Asked only when the ceiling is exceeded.
 * @throws Error also when the ceiling is not a positive number.
 */
export function checkCeiling(
  lines: readonly CostLine[],
  monthlyCeilingUsd: number,
  alternatives: () => readonly Alternative[] = () => [],
): void {
  if (!Number.isFinite(monthlyCeilingUsd) || monthlyCeilingUsd <= 0)
    throw new Error(`given monthlyCeilingUsd ${monthlyCeilingUsd}; allowed: a finite number above 0`);
  const total = totalUsd(lines);
  if (total <= monthlyCeilingUsd) return;
  const dearest = partTotals(lines)
    .slice(0, 3)
    .map(({ part, monthlyUsd }) => `${part} $${dollars(monthlyUsd)}`)
    .join(', ');
  throw new Error(
    `the environment costs $${dollars(total)} a month, the ceiling is $${dollars(monthlyCeilingUsd)}; ` +
      `most of it: ${dearest}; ${advice(total, monthlyCeilingUsd, alternatives())}`,
  );
}

export interface Fit {
  readonly changes: readonly string[];
  readonly monthlyUsd: number;
}

/** The change, or the series of changes, that brings the cost under the ceiling; `undefined` when none was found. */
export function nearestFit(
  beforeUsd: number,
  ceilingUsd: number,
  alternatives: readonly Alternative[],
  changesLeft = changesMax,
): Fit | undefined {
  if (changesLeft === 0) return undefined;
  const cheapestFirst = alternatives
    .map((alternative) => ({ alternative, monthlyUsd: totalUsd(alternative.lines) }))
    .toSorted((a, b) => a.monthlyUsd - b.monthlyUsd);
  const gentlest = cheapestFirst.findLast(({ monthlyUsd }) => monthlyUsd <= ceilingUsd);
  if (gentlest) return { changes: [gentlest.alternative.change], monthlyUsd: gentlest.monthlyUsd };
  const [best] = cheapestFirst;
  if (!best || best.monthlyUsd >= beforeUsd) return undefined;
  const rest = nearestFit(best.monthlyUsd, ceilingUsd, best.alternative.next?.() ?? [], changesLeft - 1);
  return rest && { ...rest, changes: [best.alternative.change, ...rest.changes] };
}

function advice(totalBeforeUsd: number, ceilingUsd: number, alternatives: readonly Alternative[]): string {
  const fit = nearestFit(totalBeforeUsd, ceilingUsd, alternatives);
  if (fit) {
    const { length } = fit.changes;
    const lead = length === 1 ? 'nearest change that fits' : `no single change fits, these ${length} do`;
    return `${lead}: ${fit.changes.join('; ')} ($${dollars(fit.monthlyUsd)})`;
  }
  return `no known change fits: raise monthlyCeilingUsd to at least ${Math.ceil(totalBeforeUsd)}, or take parts out`;
}
