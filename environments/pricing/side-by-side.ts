/** The same environment on several platforms: what each of its parts costs there. */
import { aligned, dollars } from './cost-table.ts';
import type { At } from './costed-environment.ts';
import { type CostLine, partTotals, totalUsd } from './lines.ts';

export interface PlatformColumn {
  /** @example 'ecs' */
  readonly name: string;
  readonly lines: Readonly<Record<At, readonly CostLine[]>>;
  /** What differs there. @example ['chat: vcpu 0.4 -> 0.5'] */
  readonly notes?: readonly string[];
}

/** A platform on which the environment cannot be. */
export interface PlatformFault {
  readonly name: string;
  readonly fault: string;
}

/** Parts as rows, platforms as columns, all at most replicas; then the totals, what differs, and what is not possible. */
export function sideBySide(name: string, platforms: readonly (PlatformColumn | PlatformFault)[]): string {
  const columns = platforms.filter((each): each is PlatformColumn => 'lines' in each);
  const faults = platforms.filter((each): each is PlatformFault => 'fault' in each);
  const sums = columns.map(({ lines }) => new Map(partTotals(lines.max).map((each) => [each.part, each.monthlyUsd])));
  const parts = new Set(columns.flatMap(({ lines }) => lines.max.map(({ part }) => part)));
  const total = (at: At) => columns.map(({ lines }) => dollars(totalUsd(lines[at])));
  const rows = [...parts].map((part) => [part, ...sums.map((sum) => dollars(sum.get(part) ?? 0))]);
  const head = [`${name}, USD a month at most replicas`, ...columns.map((column) => column.name)];
  const table = [
    head,
    'rule',
    ...rows,
    'rule',
    ['total', ...total('max')],
    ['at least replicas', ...total('min')],
  ] as const;
  return [
    aligned(
      table,
      head.map((_, index) => index > 0),
    ),
    ...columns.flatMap((column) => (column.notes ?? []).map((note) => `${column.name}: ${note}`)),
    ...faults.map((each) => `${each.name}: not possible: ${each.fault}`),
  ].join('\n');
}
