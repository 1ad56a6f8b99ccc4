/** Passages: what the search found, merged where it overlaps, numbered for the answer. Pure. */
import type { Hit } from '../../shared/contract/vectorstore.ts';
import { estimateTokens } from '../../shared/models/tokens.ts';

export interface Passage {
  /** Its number in the prompt, from 1. */
  readonly n: number;
  readonly documentId: string;
  readonly documentName: string;
  readonly pageNumber: number;
  /** UTF-16 offsets in the page's text; {@link text} is exactly what stands between them. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** The headings that its beginning stands under, the document's title first; '' when there are none. */
  readonly heading: string;
  /** Cosine of the question and the nearest sentence; of what was merged, the best. Null without vectors. */
  readonly similarity: number | null;
}

/** About 12 chunks: what small models still read with care, and cheap on large ones. */
export const passageTokensMax = 3500;

/**
 * @param hits best first
 * @param names of the documents; hits of a document that is not among them (it was deleted) are dropped
 */
export function toPassages(
  hits: readonly Hit[],
  names: ReadonlyMap<string, string>,
  tokensMax = passageTokensMax,
): Passage[] {
  const merged: Omit<Passage, 'n' | 'documentName'>[] = [];
  let tokens = 0;
  for (const hit of hits) {
    if (!names.has(hit.document_id)) continue;
    const piece = {
      documentId: hit.document_id,
      pageNumber: hit.page_number,
      start: hit.start,
      end: hit.end,
      text: hit.text,
      heading: hit.heading,
      similarity: hit.similarity,
    };
    tokens += estimateTokens(hit.text);
    if (tokens > tokensMax && merged.length > 0) break;
    absorb(merged, piece);
  }
  return merged.map((piece, index) => ({
    ...piece,
    n: index + 1,
    documentName: names.get(piece.documentId) as string,
  }));
}

type Piece = Omit<Passage, 'n' | 'documentName'>;

/** Adds the piece, or grows the passages that it touches: the best of them keeps its place. */
function absorb(merged: Piece[], piece: Piece): void {
  let grown = piece;
  let place = merged.length;
  for (let at = merged.length - 1; at >= 0; at--) {
    const other = merged[at] as Piece;
    if (!touches(other, grown)) continue;
    grown = union(other, grown);
    merged.splice(at, 1);
    place = at;
  }
  merged.splice(place, 0, grown);
}

const touches = (a: Piece, b: Piece) =>
  a.documentId === b.documentId && a.pageNumber === b.pageNumber && a.start <= b.end && b.start <= a.end;

function union(a: Piece, b: Piece): Piece {
  const [first, second] = a.start <= b.start ? [a, b] : [b, a];
  const similarities = [a.similarity, b.similarity].filter((each) => each !== null);
  const similarity = similarities.length > 0 ? Math.max(...similarities) : null;
  if (second.end <= first.end) return { ...first, similarity };
  const text = first.text + second.text.slice(first.end - second.start);
  return { ...first, similarity, end: second.end, text };
}
