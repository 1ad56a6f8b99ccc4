/**
 * `npm run bench -- NAME [--quick] [--json FILE]`: runs test/bench/NAME.ts, prints its rows as a table, and exits with 1
 * when a goal is not met or a figure is missing. Without a name it lists what there is. Its garbage is collected by itself and in small portions
 * (package.json): helpers that wait for a busy CPU made a probe 10 to 20 ms late, and that counted as the others' latency.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { passes, type Row, summary, table } from './report/rows.ts';

export interface Bench {
  readonly run: (options: { readonly quick: boolean }) => Promise<readonly Row[]>;
}

async function names(): Promise<string[]> {
  const files = await readdir(new URL('./', import.meta.url));
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
  console.log(`${table(rows)}\n${summary(rows)}`);
  if (values.json) await writeFile(values.json, `${JSON.stringify(rows, undefined, 2)}\n`);
  if (!passes(rows)) process.exitCode = 1;
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
