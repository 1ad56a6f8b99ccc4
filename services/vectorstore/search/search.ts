/** Full text and vectors side by side; what either finds is scored by both. */
import { MatchQuery, type Table } from '@lancedb/lancedb';
import type { RecordBatch } from 'apache-arrow';
import type { Hit } from '../../shared/contract/vectorstore.ts';
import { storedColumns } from '../tables/chunk-table.ts';
import {
  dimensionsOf,
  type Embedding,
  type FullTextColumn,
  fullTextColumns,
  requireLength,
  type Snapshot,
  type VectorColumns,
  vectorColumns,
} from '../tables/table-schema.ts';
import { namingScore } from './named.ts';
import { type Candidate, rank, unnamedWeight, vectorWeight } from './score.ts';
import { searchColumns } from './search-columns.ts';

export interface Search {
  readonly query: string;
  /** Absent: full text alone. */
  readonly vector?: readonly number[];
  readonly model?: string;
  readonly limit: number;
  /** UUIDs, checked by the route. */
  readonly documentIds?: readonly string[];
}

/** Longer queries find nothing more, but each word costs a lookup per column. */
const queryCharactersMax = 1000;
/**
 * Rows that each side brings, or as many as are asked for: each brings its vectors. With 50 nothing more is found on
 * XQuAD, a Korean set and the R manual, at 1.2 to 1.3 times the CPU.
 */
const candidatesMin = 30;
/**
 * Rows of one column, by id alone, whose scores are then added: what is not among so many of a column counts as not found
 * there. Costs no more than 200 would (BM25 stops early in both).
 */
const rowsOfColumnMax = 1000;
/** IVF_RQ keeps few bits per number: of so many times the candidates the exact distances are computed. */
const refineFactor = 8;
/** What stands as it was typed is found by its words too: this much more when it stands so as a whole. */
const identifierWeight = 0.5;

/** @throws ProblemError `bad-request` on a vector of another length */
export async function searchChunks({ table, schema, indexed }: Snapshot, search: Search): Promise<Hit[]> {
  const columns = storedColumns(schema.fields.map(({ name }) => name));
  const embedding = embeddingOf(search);
  if (embedding) requireLength(schema, embedding);
  const vectors = embedding && dimensionsOf(schema, embedding) !== null ? vectorColumns(embedding) : null;
  const withSentences = vectors && schema.fields.some(({ name }) => name === vectors.sentences);
  const wanted = [...columns, ...(vectors ? [vectors.vector] : []), ...(withSentences ? [vectors.sentences] : [])];
  const query = search.query.normalize('NFC').slice(0, queryCharactersMax);
  const where = search.documentIds && within(search.documentIds);
  const [byText, byVector] = await Promise.all([
    Promise.all(columnQueries(query, indexed).map((one) => findText(table, one, where))),
    vectors ? findVectors(table, search, vectors, where) : [],
  ]);
  const ids = [...new Set([...bestOfSum(byText, wantedRows(search)), ...byVector])];
  if (ids.length === 0) return [];
  const { batches } = await table.takeRowIds(ids).select(wanted).withRowId().toArrow();
  const naming = namingScore(query);
  const candidates = batches.flatMap((batch) => [...candidatesOf(batch, vectors, (row) => sumOf(byText, row), naming)]);
  const weight = search.model === undefined ? unnamedWeight : vectorWeight;
  return rank(candidates, vectors ? search.vector : undefined, search.limit, weight).map(toHit);
}

const wantedRows = ({ limit }: Search) => Math.max(limit, candidatesMin);

/** Null: there is nothing to compare with. A text without a letter embeds to zero, which is near nothing. */
function embeddingOf({ vector, model }: Search): (Embedding & { readonly vector: readonly number[] }) | null {
  if (!vector?.some((value) => value !== 0)) return null;
  return { model, dimensions: vector.length, vector };
}

const within = (ids: readonly string[]) => `document_id IN (${ids.map((id) => `'${id}'`).join(', ')})`;

interface ColumnQuery {
  readonly column: FullTextColumn;
  readonly text: string;
}

/** Those that have something to find. */
function columnQueries(query: string, indexed: ReadonlySet<string>): ColumnQuery[] {
  const text = wordsOnce(query);
  const texts: Record<FullTextColumn, string> = { text, heading: text, ...searchColumns(text) };
  return fullTextColumns
    .filter((column) => indexed.has(column) && texts[column].trim())
    .map((column) => ({ column, text: texts[column] }));
}

/** A word that is said again asks for nothing more, and would cost as much again. */
const wordsOnce = (text: string) =>
  [...new Map(text.split(/\s+/).map((word) => [word.toLowerCase(), word])).values()].join(' ');

type RowId = bigint;

/** BM25, weighted. */
type ColumnScores = ReadonlyMap<RowId, number>;

/**
 * One query per column, which stops early: LanceDB 0.39 scores every row with any of the words when columns are asked for
 * together (a BooleanQuery), at ten times the CPU in a brain of 500,000 chunks.
 */
async function findText(table: Table, { column, text }: ColumnQuery, where: string | undefined): Promise<ColumnScores> {
  // A MatchQuery takes its text literally: no operator, quote or field name in it means anything.
  const found = table.query().fullTextSearch(new MatchQuery(text, column));
  if (where) found.where(where);
  const answer = await found.select(['_score']).withRowId().limit(rowsOfColumnMax).toArrow();
  const [ids, values] = [answer.getChild('_rowid'), answer.getChild('_score')];
  const weight = column === 'identifiers' ? identifierWeight : 1;
  const scores = new Map<RowId, number>();
  for (let at = 0; at < answer.numRows; at += 1) scores.set(ids?.get(at), weight * Number(values?.get(at)));
  return scores;
}

const sumOf = (columns: readonly ColumnScores[], id: RowId) =>
  columns.reduce((sum, scores) => sum + (scores.get(id) ?? 0), 0);

function bestOfSum(columns: readonly ColumnScores[], rows: number): RowId[] {
  const ids = [...new Set(columns.flatMap((scores) => [...scores.keys()]))];
  return ids
    .map((id) => ({ id, score: sumOf(columns, id) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, rows)
    .map(({ id }) => id);
}

async function findVectors(
  table: Table,
  search: Search,
  { vector: column }: VectorColumns,
  where: string | undefined,
): Promise<RowId[]> {
  const found = table
    .vectorSearch([...(search.vector ?? [])])
    .column(column)
    .distanceType('cosine')
    .refineFactor(refineFactor);
  if (where) found.where(where);
  const answer = await found.select(['_distance']).withRowId().limit(wantedRows(search)).toArrow();
  return [...(answer.getChild('_rowid') ?? [])];
}

interface Row extends Candidate {
  readonly batch: RecordBatch;
  readonly at: number;
}

function* candidatesOf(
  batch: RecordBatch,
  vectors: VectorColumns | null,
  textScore: (id: RowId) => number,
  naming: (heading: string) => number,
): Generator<Row> {
  const [ids, rowIds, headings] = [batch.getChild('id'), batch.getChild('_rowid'), batch.getChild('heading')];
  const means = vectors && batch.getChild(vectors.vector)?.data[0];
  const numbers = means?.children[0]?.values as Float32Array | undefined;
  const length = numbers && means ? numbers.length / means.length : 0;
  const sentences = vectors && batch.getChild(vectors.sentences);
  for (let at = 0; at < batch.numRows; at += 1)
    yield {
      id: String(ids?.get(at)),
      textScore: textScore(rowIds?.get(at)),
      namingScore: naming(String(headings?.get(at) ?? '')),
      // Where Arrow keeps them: an object per row would cost more than all else.
      vector: numbers && means?.getValid(at) ? numbers.subarray(at * length, (at + 1) * length) : null,
      sentences: (sentences?.get(at) as Uint8Array | undefined) ?? null,
      batch,
      at,
    };
}

function toHit({ row, score, similarity }: { row: Candidate; score: number; similarity: number | null }): Hit {
  const { batch, at, id, textScore } = row as Row;
  const value = (name: string) => batch.getChild(name)?.get(at);
  return {
    id,
    document_id: String(value('document_id')),
    page_number: Number(value('page_number')),
    start: Number(value('start')),
    end: Number(value('end')),
    text: String(value('text')),
    heading: String(value('heading') ?? ''),
    score,
    text_score: textScore,
    similarity,
  };
}
