/** One brain's LanceDB table: what is written to it and read from it. */
import { makeArrowTable, type Table } from '@lancedb/lancedb';
import type { Schema } from 'apache-arrow';
import type { Chunk, StoredChunk } from '../../shared/contract/vectorstore.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { searchColumns } from '../search/search-columns.ts';
import { type Embedding, upToDate, vectorColumns } from './table-schema.ts';

const upTo = (epoch: number) => `(epoch is null or epoch <= ${epoch})`;
const updateOlder = { where: 'target.epoch is null or target.epoch <= source.epoch' };

/** A commit on S3 takes about a second. Whoever has waited this long has been given up by its caller. */
const writeTimeoutMs = 30_000;

/** What one run gives to a table in one call. */
export interface Given<Row> {
  readonly run: Run;
  readonly rows: readonly Row[];
}

/**
 * One commit for all of them. Rows with a known id are replaced, unless a newer run wrote them: the commit itself looks, so
 * it holds for a write that was frozen after every other check.
 *
 * @param embedding null: the chunks have no vectors
 * @returns rows that were replaced
 * @throws ProblemError `bad-request` on vectors of another length, `conflict` when rows of a newer run are there
 */
export async function upsertChunks(
  table: Table,
  embedding: Embedding | null,
  given: readonly Given<Chunk>[],
): Promise<number> {
  const schema = await upToDate(table, embedding ?? undefined);
  const row = ({ documentId, epoch }: Run, { vector, sentence_vectors, ...chunk }: Chunk) => ({
    ...emptyRow(schema),
    ...chunk,
    ...searchColumns(chunk.text),
    ...(embedding && vectorValues(embedding, { vector, sentence_vectors })),
    document_id: documentId,
    epoch: BigInt(epoch),
  });
  // An id twice in one commit would become two rows; the last one counts.
  const all = given.flatMap(({ run, rows }) => rows.map((chunk) => [chunk.id, row(run, chunk)] as const));
  const rows = [...new Map(all).values()];
  const { numInsertedRows, numUpdatedRows } = await table
    .mergeInsert('id')
    .whenMatchedUpdateAll(updateOlder)
    .whenNotMatchedInsertAll()
    .execute(makeArrowTable(rows, { schema }), { timeoutMs: writeTimeoutMs });
  if (numInsertedRows + numUpdatedRows < rows.length) throw supersededAmong(given);
  return numUpdatedRows;
}

/** Of rows that are replaced nothing stays, the vectors of other models neither: they were of another text. */
const emptyRow = (schema: Schema) => Object.fromEntries(schema.fields.map(({ name }) => [name, null]));

type Vectors = Pick<Chunk, 'vector' | 'sentence_vectors'>;
export type GivenVector = Vectors & Pick<Chunk, 'id'>;
function vectorValues(embedding: Embedding, { vector, sentence_vectors }: Vectors) {
  const columns = vectorColumns(embedding);
  return { [columns.vector]: vector ?? null, [columns.sentences]: sentence_vectors ?? null };
}

/**
 * One commit for all of them: vectors of a model beside what rows of the documents have.
 *
 * @param given document ids are UUIDs, checked by the route
 * @returns rows that were found of each
 * @throws ProblemError `conflict` when several were given and rows of a newer run are there
 */
export async function addVectors(
  table: Table,
  embedding: Embedding,
  given: readonly Given<GivenVector>[],
): Promise<number[]> {
  const schema = await upToDate(table, embedding);
  const vectors = new Map(
    given.flatMap(({ run, rows }) =>
      rows.map(({ id, ...values }) => [id, { epoch: BigInt(run.epoch), ...vectorValues(embedding, values) }] as const),
    ),
  );
  const quoted = (texts: Iterable<string>) => [...texts].map((text) => `'${text.replaceAll("'", "''")}'`).join();
  const documents = quoted(new Set(given.map(({ run }) => run.documentId)));
  const found = await table
    .query()
    .where(`document_id in (${documents}) and id in (${quoted(vectors.keys())})`)
    .toArray();
  // Whole rows: a merge of some columns panics in LanceDB 0.39 (`unzip_batch`), now and then.
  const rows = found.map((row) => ({
    ...Object.fromEntries(schema.fields.map(({ name }) => [name, plain(row[name])])),
    ...vectors.get(row.id),
  }));
  if (rows.length === 0) return given.map(() => 0);
  const { numUpdatedRows } = await table
    .mergeInsert('id')
    .whenMatchedUpdateAll(updateOlder)
    .execute(makeArrowTable(rows, { schema }), { timeoutMs: writeTimeoutMs });
  if (given.length === 1) return [numUpdatedRows];
  if (numUpdatedRows < rows.length) throw supersededAmong(given);
  const ids = new Set(found.map(({ id }) => id));
  return given.map((one) => one.rows.filter(({ id }) => ids.has(id)).length);
}

/** A value that was read, as one that can be written: vectors come back as Arrow's own lists. */
const plain = (value: unknown) =>
  typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)
    ? Array.from(value as Iterable<number>)
    : value;

/** Who writes: an index run of the document, or its deletion. */
export interface Run {
  readonly documentId: string;
  readonly epoch: number;
}

/** Rows of a newer run stay. @param documentId a UUID, checked by the route */
export async function removeDocument(table: Table, documentId: string, epoch: number): Promise<void> {
  await upToDate(table);
  await table.delete(`document_id = '${documentId}' and ${upTo(epoch)}`);
}

export const superseded = (documentId: string, epoch: number) =>
  new ProblemError('conflict', `Document ${documentId} was taken over by a newer run than ${epoch}.`);

/** Of which one a commit does not tell. */
const supersededAmong = ([first, ...others]: readonly Given<unknown>[]) =>
  others.length === 0 && first
    ? superseded(first.run.documentId, first.run.epoch)
    : new ProblemError('conflict', 'A newer run has taken over one of several documents.');

/** Ids of the documents that have rows. A batch of rows in memory at once. */
export async function documentsOf(table: Table): Promise<string[]> {
  const ids = new Set<string>();
  for await (const batch of table.query().select(['document_id']))
    for (const id of batch.getChild('document_id') ?? []) ids.add(String(id));
  return [...ids];
}

export interface ReadChunk extends StoredChunk {
  /** Of the model that was asked for. */
  readonly has_vector: boolean;
}

/** @param documentId a UUID, checked by the route */
export async function readChunks(
  table: Table,
  documentId: string,
  first: number,
  last: number,
  embedding: Embedding | null,
): Promise<ReadChunk[]> {
  const { fields } = await table.schema();
  const within = `document_id = '${documentId}' AND page_number >= ${first} AND page_number <= ${last}`;
  const rows = (await table
    .query()
    .where(within)
    .select(storedColumns(fields.map(({ name }) => name)))
    .toArray()) as StoredChunk[];
  const column = embedding && vectorColumns(embedding).vector;
  const known = column !== null && fields.some(({ name }) => name === column);
  const withVector = known
    ? ((await table.query().where(`${within} AND ${column} IS NOT NULL`).select(['id']).toArray()) as { id: string }[])
    : [];
  const ids = new Set(withVector.map(({ id }) => id));
  return rows.map(({ id, page_number, start, end, text, heading }) => ({
    id,
    page_number,
    start,
    end,
    text,
    heading: heading ?? '',
    has_vector: ids.has(id),
  }));
}

/** A table of a build before headings has none. */
export const storedColumns = (present: readonly string[]) =>
  ['id', 'document_id', 'page_number', 'start', 'end', 'text', 'heading'].filter((name) => present.includes(name));
