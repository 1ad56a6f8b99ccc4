/** Cost lines as text for people: a table, the sum of each part, the total. */
import { type CostLine, partTotals, totalUsd } from './lines.ts';

/** @param lines In the order to print; lines of a part should follow each other. */
export function costTable(lines: readonly CostLine[]): string {
  const rows = lines.map((line, index) => [
    line.part === lines[index - 1]?.part ? '' : line.part,
    line.what,
    amount(line.quantity),
    line.unit,
    `${line.unitPriceUsd}`,
    dollars(line.monthlyUsd),
  ]);
  const head = ['part', 'what', 'quantity', 'unit', 'USD per unit', 'USD a month'];
  const sums = partTotals(lines).map(({ part, monthlyUsd }) => ['', part, '', '', '', dollars(monthlyUsd)]);
  const total = ['total', '', '', '', '', dollars(totalUsd(lines))];
  return aligned([head, 'rule', ...rows, 'rule', ...sums, 'rule', total], [false, false, true, false, true, true]);
}

export const dollars = (usd: number): string => usd.toFixed(2);

/** Rows as text, a rule as a line of dashes; `numeric` columns are flush right. */
export function aligned(rows: readonly (readonly string[] | 'rule')[], numeric: readonly boolean[]): string {
  const cells = rows.filter((row) => row !== 'rule');
  const widths = numeric.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      widths
        .map((width, column) => {
          if (row === 'rule') return '-'.repeat(width);
          const cell = row[column] ?? '';
          return numeric[column] ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const amount = (quantity: number): string => `${Math.round(quantity * 100) / 100}`;
