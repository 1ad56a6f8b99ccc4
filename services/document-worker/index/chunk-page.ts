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
/** A paragraph of this length is a chunk of its own before the next one is cut. */
const paragraphCharsMin = 400;

/**
 * Every character that is not white space stands in exactly one chunk, in order; no chunk begins or ends with white
 * space or is longer than {@link chunkCharsMax}. Chunks never cross pages, so a citation has one page.
 */
export const chunkPage = (text: string): TextChunk[] => chunkText(text, 0, text.length, []);

type Range = Pick<TextChunk, 'start' | 'end'>;

/** As {@link chunkPage}, of a part of the page. @param together stretches that are cut only when they fill a chunk alone */
export function chunkText(text: string, from: number, to: number, together: readonly Range[]): TextChunk[] {
  const chunks: TextChunk[] = [];
  const whole = together.filter(({ start, end }) => end - start <= chunkCharsMax);
  for (let at = from; at < to; ) {
    const inside = (length: number) => whole.some(({ start, end }) => start < at + length && at + length < end);
    const end = at + chunkLength(text.slice(at, Math.min(to, at + chunkCharsMax)), to - at, inside);
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
function chunkLength(next: string, left: number, inside: (length: number) => boolean): number {
  if (left <= chunkCharsMax) return left;
  // The last two share what is left, so that no crumb remains.
  const earliest = Math.min(chunkCharsMin, Math.floor(left / 2));
  const window = next.slice(0, left - crumbCharsMax);
  const cuts: readonly (readonly [least: number, mayCut: (length: number) => boolean])[] = [
    [earliest, (length) => !inside(length)],
    // Before what must not be cut a chunk may be short.
    [1, (length) => !inside(length) && inside(window.length)],
    [earliest, () => true],
  ];
  for (const [earliestCut, mayCut] of cuts)
    for (const border of borders) {
      const least = border === blankLine ? Math.min(earliestCut, paragraphCharsMin) : earliestCut;
      let best = 0;
      for (const match of window.matchAll(border)) {
        const end = match.index + match[0].length;
        if (end >= least && mayCut(end)) best = end;
      }
      if (best > 0) return best;
    }
  const splitsPair = /[\uD800-\uDBFF]$/.test(window);
  return splitsPair ? window.length - 1 : window.length;
}

/** Best first: a blank line; a sentence that ends its line; a sentence; a line; a word. Korean ends sentences with 다. 요. */
const blankLine = /\n[ \t]*\n/g;
const borders = [blankLine, /[.!?。！？…]["'”’)\]]*\n/g, /[.!?]["'”’)\]]*\s|[。！？…]["'”’)\]]*/g, /\n/g, /\s/g];
