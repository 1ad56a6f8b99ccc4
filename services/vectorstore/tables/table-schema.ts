/** Columns and indexes of a brain's table, made and brought up to date. */
import { createHash } from 'node:crypto';
import { type Connection, Index, makeArrowTable, type Table } from '@lancedb/lancedb';
import { Binary, type DataType, Field, FixedSizeList, Float32, Int32, Int64, Schema, Utf8 } from 'apache-arrow';
import { ProblemError } from '../../shared/http/problem.ts';
import { identifierCharsMax, searchColumnsInSql } from '../search/search-columns.ts';

const tableName = 'chunks';

/** @throws Error for which {@link isMissing} is true when the brain has no chunks yet */
export const openTable = (connection: Connection): Promise<Table> => connection.openTable(tableName);

/** LanceDB's errors have no codes. */
export const isMissing = (error: unknown): boolean =>
  /was not found|Not found:/i.test(String((error as Error).message));

/** Whose vectors. Without a name: of the one model that a brain had before models were named. */
export interface Embedding {
  readonly model?: string;
  readonly dimensions: number;
}

export interface VectorColumns {
  readonly vector: string;
  readonly sentences: string;
}

/** Each model has columns of its own, so that a brain can be embedded anew while it is searched. */
export function vectorColumns({ model, dimensions }: Embedding): VectorColumns {
  if (model === undefined) return { vector: 'vector', sentences: 'sentence_vectors' };
  const key = createHash('sha256').update(`${model}:${dimensions}`).digest('hex').slice(0, 12);
  return { vector: `vector_${key}`, sentences: `sentence_vectors_${key}` };
}

const field = (name: string, type: DataType, nullable = true) => new Field(name, type, nullable);
const vectorFields = (embedding: Embedding) => {
  const { vector, sentences } = vectorColumns(embedding);
  const numbers = new FixedSizeList(embedding.dimensions, new Field('item', new Float32(), true));
  return [field(vector, numbers), field(sentences, new Binary())];
};

export async function createTable(connection: Connection, embedding?: Embedding): Promise<Table> {
  const schema = new Schema([
    field('id', new Utf8(), false),
    field('document_id', new Utf8(), false),
    field('page_number', new Int32(), false),
    field('start', new Int32(), false),
    field('end', new Int32(), false),
    field('text', new Utf8(), false),
    field('heading', new Utf8()),
    ...searchColumnsInSql.map(({ name }) => field(name, new Utf8())),
    ...(embedding ? vectorFields(embedding) : []),
    field('epoch', new Int64()),
  ]);
  const table = await connection.createEmptyTable(tableName, schema, { existOk: true });
  await createIndexes(table);
  return table;
}

const fullText = (options: Parameters<typeof Index.fts>[0]) =>
  // Phrases are not asked for; positions would double the index.
  Index.fts({ lowercase: true, asciiFolding: true, withPosition: false, ...options });
const words = () => fullText({ baseTokenizer: 'simple', language: 'English', stem: true, removeStopWords: true });
const plain = { stem: false, removeStopWords: false };
const indexes = {
  text: words,
  heading: words,
  cjk_words: () => fullText({ ...plain, baseTokenizer: 'icu' }),
  cjk_bigrams: () => fullText({ ...plain, baseTokenizer: 'ngram', ngramMinLength: 2, ngramMaxLength: 2 }),
  identifiers: () => fullText({ ...plain, baseTokenizer: 'whitespace', maxTokenLength: identifierCharsMax }),
  // Looked up by every upsert, and by every search within documents and every removal.
  id: () => Index.btree(),
  document_id: () => Index.btree(),
};
export const fullTextColumns = ['text', 'heading', 'cjk_words', 'cjk_bigrams', 'identifiers'] as const;
export type FullTextColumn = (typeof fullTextColumns)[number];

export async function indexedColumns(table: Table): Promise<ReadonlySet<string>> {
  return new Set((await table.listIndices()).flatMap(({ columns }) => columns));
}

/** A brain's table at one version. Its queries do not look for a newer one, so row ids of one query hold in the next. */
export interface Snapshot {
  readonly table: Table;
  readonly version: number;
  readonly schema: Schema;
  readonly indexed: ReadonlySet<string>;
}

/** Costs as much as a search: kept until the next commit. */
export async function openSnapshot(connection: Connection, version: number): Promise<Snapshot> {
  const table = await openTable(connection);
  await table.checkout(version);
  const [schema, indexed] = await Promise.all([table.schema(), indexedColumns(table)]);
  return { table, version, schema, indexed };
}

/** Only those that are missing. @returns false: none was */
export async function createIndexes(table: Table): Promise<boolean> {
  const present = await indexedColumns(table);
  const missing = Object.entries(indexes).filter(([column]) => !present.has(column));
  // A table of a build before these columns has pairs of characters in 'text': its index is made anew, last.
  const old = present.has('text') && missing.length > 0;
  await Promise.all(missing.map(([column, config]) => table.createIndex(column, { config: config() })));
  if (old) await table.createIndex('text', { config: words(), replace: true });
  return missing.length > 0;
}

/**
 * Under the writer's lock: columns that a build before did not know, and those of the model. Rows that are there keep
 * all they have; the indexes follow when the table is tidied, and until then it is searched by those it has.
 *
 * @throws ProblemError `bad-request` on vectors of another length
 */
export async function upToDate(table: Table, embedding?: Embedding): Promise<Schema> {
  const schema = await table.schema();
  const has = (name: string) => schema.fields.find((known) => known.name === name);
  if (embedding) requireLength(schema, embedding);
  const fields = [
    field('epoch', new Int64()),
    field('heading', new Utf8()),
    ...(embedding ? vectorFields(embedding) : []),
  ];
  const missing = fields.filter(({ name }) => !has(name));
  const strict = has('vector')?.nullable === false;
  const unsearched = !has('cjk_words');
  if (missing.length === 0 && !strict && !unsearched) return schema;
  if (missing.length > 0) await addFields(table, missing);
  if (strict) await table.alterColumns([{ path: 'vector', nullable: true }]);
  if (unsearched) await table.addColumns([...searchColumnsInSql]);
  return table.schema();
}

/** LanceDB takes only a schema that its own copy of Arrow has made. */
const addFields = (table: Table, fields: Field[]) =>
  table.addColumns(makeArrowTable([], { schema: new Schema(fields) }).schema);

/** Null: the table has no vectors of the model. */
export function dimensionsOf(schema: Schema, embedding: Embedding): number | null {
  const { vector } = vectorColumns(embedding);
  const type = schema.fields.find(({ name }) => name === vector)?.type as FixedSizeList | undefined;
  return type?.listSize ?? null;
}

export function requireLength(schema: Schema, embedding: Embedding): void {
  const expected = dimensionsOf(schema, embedding);
  if (expected === null || expected === embedding.dimensions) return;
  throw new ProblemError(
    'bad-request',
    `The brain's vectors have ${expected} numbers, given are ${embedding.dimensions}: ` +
      'embed with the model the brain was made with.',
  );
}
