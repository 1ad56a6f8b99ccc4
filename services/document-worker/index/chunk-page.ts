/** Cuts the text of a page into chunks for search: about a paragraph each, at sentence borders where there are any. */

export interface TextChunk {
  /** UTF-16 offsets in the page's text. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Long enough to answer a question, short enough that a citation points at it. */
export const chunkCharsMax = 1200;
const chunkCharsMin = 800;
const crumbCharsMax = 400;

/**
 * Every character that is not white space stands in exactly one chunk, in order; no chunk begins or ends with white
 * space or is longer than {@link chunkCharsMax}. Chunks never cross pages, so a citation has one page.
 */
export function chunkPage(text: string): TextChunk[] {
  const chunks: TextChunk[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + chunkLength(text.slice(at, at + chunkCharsMax), text.length - at);
    const piece = text.slice(at, end);
    const body = piece.trim();
    if (body) {
      const start = at + piece.length - piece.trimStart().length;
      chunks.push({ start, end: start + body.length, text: body });
    }
    at = end;
  }
  return chunks;
}

/** Where the next chunk ends, at the last border of the best kind between the shortest and the longest. */
function chunkLength(next: string, left: number): number {
  if (left <= chunkCharsMax) return left;
  // The last two share what is left, so that no crumb remains.
  const earliest = Math.min(chunkCharsMin, Math.floor(left / 2));
  const window = next.slice(0, left - crumbCharsMax);
  for (const border of borders) {
    let best = 0;
    for (const match of window.matchAll(border)) {
      const end = match.index + match[0].length;
      if (end >= earliest) best = end;
    }
    if (best > 0) return best;
  }
  const splitsPair = /[\uD800-\uDBFF]$/.test(window);
  return splitsPair ? window.length - 1 : window.length;
}

/** Best first: a blank line; a sentence that ends its line; a sentence; a line; a word. Korean ends sentences with 다. 요. */
const borders = [/\n[ \t]*\n/g, /[.!?。！？…]["'”’)\]]*\n/g, /[.!?]["'”’)\]]*\s|[。！？…]["'”’)\]]*/g, /\n/g, /\s/g];
