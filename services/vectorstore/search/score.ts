/** One score of what full text and vectors say about a row. Pure. */

export interface Candidate {
  readonly id: string;
  /** BM25 over the columns; 0 when full text did not find it. */
  readonly textScore: number;
  /** Of named.ts; 0 when no word of the question names the section. */
  readonly namingScore: number;
  /** Null: the row has none yet. */
  readonly vector: Float32Array | null;
  /** One signed byte per number, one vector after the other. */
  readonly sentences: Uint8Array | null;
}

/**
 * A cosine of 1 counts as much as a rare word. BM25 is added as it is, not by rank or share of the best: a
 * weak match of words is a low number, so the vectors decide; a strong one outweighs them. Measured on questions in
 * English and Chinese, and in other words than the document's (docs/decisions/2026-11-27-full-text-and-vectors-are-added-not-ranked.md).
 */
export const vectorWeight = 15;
/** Vectors from before models were named were made of letters: they settle ties, and drown rare words when they do more. */
export const unnamedWeight = 2;
/** The nearest sentence tells more than the whole; the whole settles ties between sentences. */
const meanWeight = 0.5;

/** @returns best first, at most `limit`; equal scores keep their order */
export function rank<Row extends Candidate>(
  rows: readonly Row[],
  query: readonly number[] | undefined,
  limit: number,
  weight = vectorWeight,
): { readonly row: Row; readonly score: number; readonly similarity: number | null }[] {
  const unit = query && normalized(query);
  const scored = rows.map((row) => ({ row, near: unit ? nearness(row, unit) : null }));
  const known = scored.flatMap(({ near }) => near ?? []);
  // What has no vector yet, while others have, is not punished for it.
  const usual = known.length > 0 ? known.reduce((sum, { value }) => sum + value, 0) / known.length : 0;
  return scored
    .map(({ row, near }) => ({
      row,
      score: row.textScore + row.namingScore + weight * (near?.value ?? usual),
      similarity: near?.best ?? null,
    }))
    .sort((a, b) => b.score - a.score)
    .slice(0, limit);
}

function nearness({ vector, sentences }: Candidate, unit: Float32Array): { value: number; best: number } | null {
  if (!vector) return null;
  const length = Math.sqrt(dot(vector, vector));
  const mean = length === 0 ? 0 : dot(vector, unit) / length;
  const best = sentences && sentences.length >= unit.length ? nearest(sentences, unit) : mean;
  return { value: best + meanWeight * mean, best };
}

function nearest(sentences: Uint8Array, unit: Float32Array): number {
  const numbers = new Int8Array(sentences.buffer, sentences.byteOffset, sentences.byteLength);
  let best = -1;
  for (let at = 0; at + unit.length <= numbers.length; at += unit.length) {
    let sum = 0;
    for (let index = 0; index < unit.length; index += 1)
      sum += (numbers[at + index] as number) * (unit[index] as number);
    best = Math.max(best, sum / 127);
  }
  return best;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < b.length; index += 1) sum += (a[index] as number) * (b[index] as number);
  return sum;
}

function normalized(vector: readonly number[]): Float32Array {
  const length = Math.sqrt(dot(vector, vector));
  return Float32Array.from(vector, (value) => value / length);
}
