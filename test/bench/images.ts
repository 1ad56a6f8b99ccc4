/** What each image takes above the common base, against its budget, and what takes the space. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buildImages, cacheFolder } from '../../stacks/images/build.ts';
import { atMost, type Row } from './report/rows.ts';

const partsShown = 3;

export async function run(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, bytes, budgetMiB } of await buildImages()) {
    const value = bytes / 2 ** 20;
    const parts = await largest(join(cacheFolder, name));
    const most = parts.map(([part, mib]) => `${part} ${mib.toFixed(1)}`).join(', ');
    rows.push(atMost(budgetMiB, { row: 'B6', name: `${name}: ${most}`, value, unit: 'MiB' }));
  }
  return rows;
}

/** The files that take the most, in MiB. */
async function largest(folder: string): Promise<[part: string, mib: number][]> {
  const app = join(folder, 'app');
  const entries = await readdir(app, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(
        async (entry) =>
          [entry.name, (await stat(join(entry.parentPath, entry.name))).size / 2 ** 20] as [string, number],
      ),
  );
  return sizes.toSorted(([, a], [, b]) => b - a).slice(0, partsShown);
}
