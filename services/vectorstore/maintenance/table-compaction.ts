/** Compacting a table: files merged, indexes up to date, removed rows and old versions gone. */
import { Index, type Table } from '@lancedb/lancedb';
import { createIndexes, indexedColumns, upToDate } from '../tables/table-schema.ts';

/** Below, comparing with every vector is fast enough (about 7 ms at 10,000 rows) and exact; above, IVF_RQ. */
export const vectorIndexRowsMin = 10_000;

export interface Compaction {
  /** Versions before this time are removed, with every file that only they name. */
  readonly cleanupOlderThan: Date;
  /** Rows were removed or replaced since the last time: rewrite the files that still hold them. */
  readonly purge: boolean;
  /** Versions that were replaced before are now old enough to go. */
  readonly cleanup: boolean;
}

/**
 * Merges small files, brings the indexes up to date, removes old versions. Safe beside readers.
 *
 * @returns false when there was not enough to do
 */
export async function compact(table: Table, { cleanupOlderThan, purge, cleanup }: Compaction): Promise<boolean> {
  await upToDate(table);
  const reindexed = await createIndexes(table);
  const rows = await table.countRows();
  const { fragmentStats } = await table.stats();
  const unindexedRows = (await table.indexStats('text_idx'))?.numUnindexedRows ?? rows;
  const merge = reindexed || worthMerging({ rows, unindexedRows, files: fragmentStats.numFragments });
  if (!purge && !cleanup && !merge) return false;
  if (purge && (await removedRows(table)) > 0) {
    await mixRemoved(table);
    await table.optimize({ cleanupOlderThan });
  }
  await table.optimize({ cleanupOlderThan });
  if (rows >= vectorIndexRowsMin) await indexVectors(table);
  return true;
}

/** Of every model with enough vectors. */
async function indexVectors(table: Table): Promise<void> {
  const indexed = await indexedColumns(table);
  const { fields } = await table.schema();
  for (const { name } of fields.filter((known) => /^vector(_|$)/.test(known.name) && !indexed.has(known.name)))
    if ((await table.countRows(`${name} is not null`)) >= vectorIndexRowsMin)
      await table.createIndex(name, { config: Index.ivfRq({ distanceType: 'cosine' }) });
}

/**
 * Merging rewrites every file below a million rows, so in a large brain it waits until a twentieth is new: adding
 * documents one by one then writes each row about twenty times at most, and a search scans few rows without an index.
 */
export function worthMerging(table: { readonly rows: number; readonly unindexedRows: number; readonly files: number }) {
  return (
    table.unindexedRows > Math.min(vectorIndexRowsMin, Math.max(unindexedRowsMin, table.rows / 20)) ||
    table.files > filesMax
  );
}
/** Full text without an index costs a query 0.06 ms of CPU a row: as much again as the query itself. */
const unindexedRowsMin = 100;
/** Each is opened by a query that its index does not answer. */
const filesMax = 32;

/**
 * Lance marks removed rows and rewrites a file only when a tenth of it is gone, or when it merges it with another one
 * of the same index coverage. So one row is written anew, which makes a second small file; the first optimize brings it
 * into the indexes, the next one merges both, without the removed rows. Files of a million rows and more are left to
 * Lance's tenth.
 */
export async function mixRemoved(table: Table): Promise<void> {
  const [row] = (await table.query().select(['id']).limit(1).toArray()) as { id: string }[];
  if (row) await rewrite(table, `id = '${row.id.replaceAll("'", "''")}'`);
}

export const rewrite = (table: Table, where: string) =>
  table.update({ where, valuesSql: { page_number: 'page_number' } });

/** Rows that are marked as removed, and still lie in the files of the newest version. */
export async function removedRows(table: Table): Promise<number> {
  const versions = await table.listVersions();
  const newest = versions.reduce((a, b) => (b.version > a.version ? b : a));
  return Number(newest.metadata.total_deletion_file_rows ?? 0);
}
