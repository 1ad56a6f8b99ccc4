/** Removed text leaves a table now, not when its files happen to be merged. */
import type { Table } from '@lancedb/lancedb';
import { mixRemoved, removedRows, rewrite } from './table-compaction.ts';

/** Each round merges once; the first two mix (table-compaction.ts), the third writes every row anew. */
const purgeRoundsMax = 4;

/**
 * Text of removed rows leaves the table's files now, and no older version stays. Under the writer's lock; a search that
 * still reads an older version begins anew.
 *
 * @throws Error when removed rows are still there; repeating goes on
 */
export async function purgeRemoved(table: Table): Promise<void> {
  for (let round = 1; (await removedRows(table)) > 0; round += 1) {
    if (round > purgeRoundsMax) throw new Error(`${await removedRows(table)} removed rows are still in the files`);
    if (round < 3) await mixRemoved(table);
    else await rewrite(table, 'true');
    // The first brings new rows into the indexes, the second merges.
    await table.optimize({ cleanupOlderThan: new Date() });
    await table.optimize({ cleanupOlderThan: new Date() });
  }
  // What the merging itself replaced is older than the next call.
  for (let round = 0; round < purgeRoundsMax && (round === 0 || (await table.listVersions()).length > 1); round += 1)
    await table.optimize({ cleanupOlderThan: new Date() });
}
