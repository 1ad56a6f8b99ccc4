/** Full text and vectors side by side; what either finds is scored by both. */
import { BooleanQuery, MatchQuery, Occur, type Table } from '@lancedb/lancedb';
import type { RecordBatch } from 'apache-arrow';
import { type Hit, hitsMax } from '../../shared/contract/vectorstore.ts';
import { storedColumns } from '../tables/chunk-table.ts';
import {
  dimensionsOf,
  type Embedding,
  type FullTextColumn,
  fullTextColumns,
  requireLength,
  shapeOf,
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
 * Rows that each side brings: as many as can be asked for, and enough that a row which both find is among them. With 100
 * nothing more was found on XQuAD and the R manual, at 1.2 to 1.6 times the CPU: each row brings its vectors.
 */
const candidatesMax = hitsMax;
/** IVF_RQ keeps few bits per number: of so many times the candidates the exact distances are computed. */
const refineFactor = 5;
/** What stands as it was typed is found by its words too: this much more when it stands so as a whole. */
const identifierWeight = 0.5;

/** @throws ProblemError `bad-request` on a vector of another length */
export async function searchChunks(table: Table, search: Search): Promise<Hit[]> {
  const { schema, indexed } = await shapeOf(table);
  const columns = storedColumns(schema.fields.map(({ name }) => name));
  const embedding = embeddingOf(search);
  if (embedding) requireLength(schema, embedding);
  const vectors = embedding && dimensionsOf(schema, embedding) !== null ? vectorColumns(embedding) : null;
  const withSentences = vectors && schema.fields.some(({ name }) => name === vectors.sentences);
  const wanted = [...columns, ...(vectors ? [vectors.vector] : []), ...(withSentences ? [vectors.sentences] : [])];
  const [byText, byVector] = await Promise.all([
    findText(table, search, indexed, wanted),
    vectors ? findVectors(table, search, vectors, wanted) : [],
  ]);
  const candidates = new Map<string, Candidate>();
  const naming = namingScore(search.query.slice(0, queryCharactersMax));
  for (const batch of [...byText, ...byVector])
    for (const candidate of candidatesOf(batch, vectors, naming)) {
      // The batches of full text come first: they know the score.
      if (!candidates.has(candidate.id)) candidates.set(candidate.id, candidate);
    }
  const weight = search.model === undefined ? unnamedWeight : vectorWeight;
  return rank([...candidates.values()], vectors ? search.vector : undefined, search.limit, weight).map(toHit);
}

/** Null: there is nothing to compare with. A text without a letter embeds to zero, which is near nothing. */
function embeddingOf({ vector, model }: Search): (Embedding & { readonly vector: readonly number[] }) | null {
  if (!vector?.some((value) => value !== 0)) return null;
  return { model, dimensions: vector.length, vector };
}

const within = (ids: readonly string[]) => `document_id IN (${ids.map((id) => `'${id}'`).join(', ')})`;

/** One query over all columns that have something to find: its score is the sum of their BM25. */
async function findText(table: Table, search: Search, indexed: ReadonlySet<string>, columns: readonly string[]) {
  const text = wordsOnce(search.query.normalize('NFC').slice(0, queryCharactersMax));
  const texts: Record<FullTextColumn, string> = { text, heading: text, ...searchColumns(text) };
  const parts = fullTextColumns.filter((column) => indexed.has(column) && texts[column].trim());
  if (parts.length === 0) return [];
  // A MatchQuery takes its text literally: no operator, quote or field name in it means anything.
  const match = (column: FullTextColumn): [Occur, MatchQuery] => [
    Occur.Should,
    new MatchQuery(texts[column], column, { boost: column === 'identifiers' ? identifierWeight : 1 }),
  ];
  const found = table.query().fullTextSearch(new BooleanQuery(parts.map(match)));
  if (search.documentIds) found.where(within(search.documentIds));
  const answer = await found
    .select([...columns, '_score'])
    .limit(candidatesMax)
    .toArrow();
  return answer.batches;
}

/** A word that is said again asks for nothing more, and would cost as much again. */
const wordsOnce = (text: string) =>
  [...new Map(text.split(/\s+/).map((word) => [word.toLowerCase(), word])).values()].join(' ');

async function findVectors(
  table: Table,
  { vector, documentIds }: Search,
  { vector: column }: VectorColumns,
  columns: readonly string[],
) {
  const found = table
    .vectorSearch([...(vector ?? [])])
    .column(column)
    .distanceType('cosine')
    .refineFactor(refineFactor);
  if (documentIds) found.where(within(documentIds));
  const answer = await found
    .select([...columns, '_distance'])
    .limit(candidatesMax)
    .toArrow();
  return answer.batches;
}

interface Row extends Candidate {
  readonly batch: RecordBatch;
  readonly at: number;
}

function* candidatesOf(
  batch: RecordBatch,
  vectors: VectorColumns | null,
  naming: (heading: string) => number,
): Generator<Row> {
  const [ids, scores, headings] = [batch.getChild('id'), batch.getChild('_score'), batch.getChild('heading')];
  const means = vectors && batch.getChild(vectors.vector)?.data[0];
  const numbers = means?.children[0]?.values as Float32Array | undefined;
  const length = numbers && means ? numbers.length / means.length : 0;
  const sentences = vectors && batch.getChild(vectors.sentences);
  for (let at = 0; at < batch.numRows; at += 1)
    yield {
      id: String(ids?.get(at)),
      textScore: Number(scores?.get(at) ?? 0),
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
