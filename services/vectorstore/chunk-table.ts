/** One brain's LanceDB table: its shape, its indexes, and what is done to it. */
import { type Connection, Index, MatchQuery, makeArrowTable, type Table } from '@lancedb/lancedb';
import { Field, FixedSizeList, Float32, Int32, Int64, Schema, Utf8 } from 'apache-arrow';
import type { Chunk, Hit, StoredChunk } from '../shared/contract/vectorstore.ts';
import { ProblemError } from '../shared/http/problem.ts';
import { fuseRanks } from './hybrid.ts';

const tableName = 'chunks';
/** Below, comparing with every vector is fast enough (about 7 ms at 10,000 rows) and exact; above, IVF_RQ. */
export const vectorIndexRowsMin = 10_000;

/** @throws Error for which {@link isMissing} is true when the brain has no chunks yet */
export const openTable = (connection: Connection): Promise<Table> => connection.openTable(tableName);

/** LanceDB's errors have no codes. */
export const isMissing = (error: unknown): boolean =>
  /was not found|Not found:/i.test(String((error as Error).message));

export async function createTable(connection: Connection, dimensions: number): Promise<Table> {
  const text = (name: string) => new Field(name, new Utf8(), false);
  const number = (name: string) => new Field(name, new Int32(), false);
  const vector = new FixedSizeList(dimensions, new Field('item', new Float32(), true));
  const columns = [
    text('id'),
    text('document_id'),
    number('page_number'),
    number('start'),
    number('end'),
    text('text'),
  ];
  const schema = new Schema([...columns, new Field('vector', vector, false), epochField]);
  const table = await connection.createEmptyTable(tableName, schema, { existOk: true });
  const indexed = new Set((await table.listIndices()).flatMap(({ columns: names }) => names));
  if (!indexed.has('text')) await table.createIndex('text', { config: fullText() });
  // Looked up by every upsert, and by every search within documents and every removal.
  for (const column of ['id', 'document_id'])
    if (!indexed.has(column)) await table.createIndex(column, { config: Index.btree() });
  return table;
}

/** Of the index run that wrote the row. Null: written by a build before epochs, so by the first of all runs. */
const epochField = new Field('epoch', new Int64(), true);
const upTo = (epoch: number) => `(epoch is null or epoch <= ${epoch})`;

async function schemaWithEpoch(table: Table): Promise<Schema> {
  const schema = await table.schema();
  if (schema.fields.some(({ name }) => name === epochField.name)) return schema;
  await table.addColumns(new Schema([epochField]));
  return table.schema();
}

/**
 * Bigrams find every literal match in Korean, where words carry endings, and part numbers in any language; stemming and
 * stop words are of one language, and a brain holds several.
 */
const fullText = () =>
  Index.fts({
    baseTokenizer: 'ngram',
    ngramMinLength: 2,
    ngramMaxLength: 2,
    lowercase: true,
    stem: false,
    removeStopWords: false,
    asciiFolding: false,
    // Phrases are not asked for; positions would double the index.
    withPosition: false,
  });

/** A commit on S3 takes about a second. Whoever has waited this long has been given up by its caller. */
const writeTimeoutMs = 30_000;

/**
 * One commit. Rows with a known id are replaced, unless a newer run wrote them: the commit itself looks, so it holds for
 * a write that was frozen after every other check.
 *
 * @returns rows that were replaced
 * @throws ProblemError `bad-request` on vectors of another length, `conflict` when rows of a newer run are there
 */
export async function upsertChunks(
  table: Table,
  documentId: string,
  epoch: number,
  chunks: readonly Chunk[],
): Promise<number> {
  const schema = await schemaWithEpoch(table);
  const expected = dimensionsOf(schema);
  const wrong = chunks.find(({ vector }) => vector.length !== expected);
  if (wrong) throw wrongLength(wrong.vector.length, expected);
  const row = (chunk: Chunk) => ({ ...chunk, document_id: documentId, epoch: BigInt(epoch) });
  // An id twice in one commit would become two rows; the last one counts.
  const rows = [...new Map(chunks.map((chunk) => [chunk.id, row(chunk)])).values()];
  const { numInsertedRows, numUpdatedRows } = await table
    .mergeInsert('id')
    .whenMatchedUpdateAll({ where: 'target.epoch is null or target.epoch <= source.epoch' })
    .whenNotMatchedInsertAll()
    .execute(makeArrowTable(rows, { schema }), { timeoutMs: writeTimeoutMs });
  if (numInsertedRows + numUpdatedRows < rows.length) throw superseded(documentId, epoch);
  return numUpdatedRows;
}

/** Rows of a newer run stay. @param documentId a UUID, checked by the route */
export async function removeDocument(table: Table, documentId: string, epoch: number): Promise<void> {
  await schemaWithEpoch(table);
  await table.delete(`document_id = '${documentId}' and ${upTo(epoch)}`);
}

export const superseded = (documentId: string, epoch: number) =>
  new ProblemError('conflict', `Document ${documentId} was taken over by a newer run than ${epoch}.`);

/** Ids of the documents that have rows. A batch of rows in memory at once. */
export async function documentsOf(table: Table): Promise<string[]> {
  const ids = new Set<string>();
  for await (const batch of table.query().select(['document_id']))
    for (const id of batch.getChild('document_id') ?? []) ids.add(String(id));
  return [...ids];
}

/** @param documentId a UUID, checked by the route */
export async function readChunks(
  table: Table,
  documentId: string,
  first: number,
  last: number,
): Promise<StoredChunk[]> {
  const rows = (await table
    .query()
    .where(`document_id = '${documentId}' AND page_number >= ${first} AND page_number <= ${last}`)
    .select(columns)
    .toArray()) as Row[];
  return rows.map(({ id, page_number, start, end, text }) => ({ id, page_number, start, end, text }));
}

export interface Search {
  readonly query: string;
  readonly vector: readonly number[];
  readonly limit: number;
  /** UUIDs, checked by the route. */
  readonly documentIds?: readonly string[];
}

/** Longer queries find nothing more, but cost a lookup per bigram. */
const queryCharactersMax = 1000;
/** Rows that each side brings to the fusion: enough that a row found by both is seen by both. */
const candidatesMin = 50;
/** IVF_RQ keeps few bits per number: of ten times as many candidates the exact distances are computed. */
const refineFactor = 10;

/** Full text and vectors side by side, fused. @throws ProblemError `bad-request` on a vector of another length */
export async function searchChunks(table: Table, search: Search): Promise<Hit[]> {
  const expected = dimensionsOf(await table.schema());
  if (search.vector.length !== expected) throw wrongLength(search.vector.length, expected);
  const [byText, byVector] = await Promise.all([findText(table, search), findVectors(table, search)]);
  const similarities = new Map(byVector.map(({ id, row }) => [id, 1 - Number(row._distance)]));
  return fuseRanks([byText, byVector], search.limit).map(({ id, row, score }) => ({
    id,
    document_id: row.document_id,
    page_number: row.page_number,
    start: row.start,
    end: row.end,
    text: row.text,
    score,
    similarity: similarities.get(id) ?? null,
  }));
}

interface Row extends Omit<Chunk, 'vector'> {
  readonly document_id: string;
  readonly _distance?: number;
}
const columns = ['id', 'document_id', 'page_number', 'start', 'end', 'text'];
const ranked = (rows: Row[]) => rows.map((row) => ({ id: row.id, row }));
const candidates = (limit: number) => Math.max(candidatesMin, 2 * limit);
const within = (ids: readonly string[]) => `document_id IN (${ids.map((id) => `'${id}'`).join(', ')})`;

async function findText(table: Table, { query, limit, documentIds }: Search) {
  // A MatchQuery takes its text literally: no operator, quote or field name in it means anything.
  const text = query.normalize('NFC').slice(0, queryCharactersMax);
  const found = table.query().fullTextSearch(new MatchQuery(text, 'text'));
  if (documentIds) found.where(within(documentIds));
  return ranked(
    await found
      .select([...columns, '_score'])
      .limit(candidates(limit))
      .toArray(),
  );
}

async function findVectors(table: Table, { vector, limit, documentIds }: Search) {
  // A text without a letter embeds to zero, which is near nothing.
  if (vector.every((value) => value === 0)) return [];
  const found = table
    .vectorSearch([...vector])
    .column('vector')
    .distanceType('cosine')
    .refineFactor(refineFactor);
  if (documentIds) found.where(within(documentIds));
  return ranked(
    await found
      .select([...columns, '_distance'])
      .limit(candidates(limit))
      .toArray(),
  );
}

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
  const rows = await table.countRows();
  const { fragmentStats } = await table.stats();
  const unindexedRows = (await table.indexStats('text_idx'))?.numUnindexedRows ?? rows;
  if (!purge && !cleanup && !worthMerging({ rows, unindexedRows, files: fragmentStats.numFragments })) return false;
  if (purge && (await removedRows(table)) > 0) {
    await mixRemoved(table);
    await table.optimize({ cleanupOlderThan });
  }
  await table.optimize({ cleanupOlderThan });
  const indexes = await table.listIndices();
  if (rows >= vectorIndexRowsMin && !indexes.some(({ columns: names }) => names.includes('vector')))
    await table.createIndex('vector', { config: Index.ivfRq({ distanceType: 'cosine' }) });
  return true;
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

function dimensionsOf(schema: Awaited<ReturnType<Table['schema']>>): number {
  const vector = schema.fields.find(({ name }) => name === 'vector')?.type as FixedSizeList;
  return vector.listSize;
}

function wrongLength(given: number, expected: number): ProblemError {
  return new ProblemError(
    'bad-request',
    `The brain's vectors have ${expected} numbers, given are ${given}: embed with the model the brain was made with.`,
  );
}
