/**
 * `npm run bench -- NAME [--quick] [--json FILE]`: runs test/bench/NAME.ts, prints its rows as a table, and exits with 1
 * when a goal is not met. Without a name it lists what there is. Its garbage is collected by itself and in small portions
 * (package.json): helpers that wait for a busy CPU made a probe 10 to 20 ms late, and that counted as the others' latency.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

/** One figure of a bench. */
export interface Row {
  /** Row of the checklist. */
  readonly row: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it must be. @example '<= 0.6' */
  readonly goal: string;
  readonly holds: boolean;
  /** The same measured for the baseline in the same run; null where the goal is absolute. */
  readonly baseline: number | null;
}

export interface Bench {
  readonly run: (options: { readonly quick: boolean }) => Promise<readonly Row[]>;
}

/** Rows as aligned columns. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map(({ row, name, value, unit, goal, holds, baseline }) => [
    row,
    name,
    `${rounded(value)} ${unit}`,
    goal,
    baseline === null ? '' : `${rounded(baseline)} ${unit}`,
    holds ? 'holds' : 'FAILS',
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

async function names(): Promise<string[]> {
  const files = await readdir(new URL('.', import.meta.url));
  return files
    .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
    .map((file) => file.replace(/\.ts$/, ''))
    .toSorted();
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
  });
  const [name] = positionals;
  const there = await names();
  if (!name || !there.includes(name))
    throw new Error(`given ${name ? `'${name}'` : 'no bench'}; allowed: ${there.join(', ')}`);
  const bench = (await import(`./${name}.ts`)) as Bench;
  const rows = await bench.run({ quick: values.quick });
  console.log(table(rows));
  if (values.json) await writeFile(values.json, `${JSON.stringify(rows, undefined, 2)}\n`);
  if (rows.some(({ holds }) => !holds)) process.exitCode = 1;
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
