/** Merging what full text found with what vectors found. Pure. */

export interface Ranked<Row> {
  readonly id: string;
  readonly row: Row;
}

/** The constant of the paper: large enough that rank 1 of one list does not beat rank 2 of both. */
const k = 60;

/**
 * Reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009): a row's score is the sum over the lists of
 * 1 / (60 + its rank). Ranks, not scores, because BM25 and cosine do not share a scale. Equal scores keep the order of
 * the first list.
 *
 * @param lists each best first, ids unique within a list
 * @returns best first, at most `limit`
 */
export function fuseRanks<Row>(
  lists: readonly (readonly Ranked<Row>[])[],
  limit: number,
): { readonly id: string; readonly row: Row; readonly score: number }[] {
  const fused = new Map<string, { id: string; row: Row; score: number }>();
  for (const list of lists)
    for (const [rank, { id, row }] of list.entries()) {
      const known = fused.get(id);
      const score = 1 / (k + rank + 1);
      if (known) known.score += score;
      else fused.set(id, { id, row, score });
    }
  return [...fused.values()].sort((a, b) => b.score - a.score).slice(0, limit);
}
