/**
 * How a document is set, learned from some of its pages: the size of its text, the lines that repeat on every page, the
 * styles of its headings. Pure.
 */
import type { PageResult } from '../../shared/contract/page.ts';

export interface Line {
  /** UTF-16 offsets in the page's text. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly top: number;
  readonly bottom: number;
  readonly size: number;
  /** Of the first and the last letter, as contract/page.ts counts them. */
  readonly first: number;
  readonly last: number;
}

export interface Layout {
  /** Of most of the text; 0: the pages do not tell. */
  readonly textSize: number;
  readonly edges: readonly Edge[];
  /** Styles of headings, {@link stylesMax} at most, those of the largest parts first; of one size the rarer, and what does not repeat. */
  readonly headings: readonly string[];
}

/** A line at the same height of most pages: a page header or footer. */
interface Edge {
  readonly top: number;
  /** The number in it less the page's; null: it has none. */
  readonly offset: number | null;
  readonly texts: ReadonlySet<string>;
  /** What is larger than the text is a heading, wherever it stands. */
  readonly sizeMax: number;
}

/** Manuals have 10. Each line of a page is held against all of them, and a document may set every heading differently. */
export const stylesMax = 50;

export const plainLayout: Layout = { textSize: 0, edges: [], headings: [] };
const [bold, italic, monospaced] = [1, 2, 3];

export function linesOf({ text, lines, line_fonts: fonts }: Pick<PageResult, 'text' | 'lines' | 'line_fonts'>): Line[] {
  if (!fonts) return [];
  return lines.flatMap(([start, end, , top, , bottom], index) => {
    const [size, first, last] = fonts[index] ?? [0, 0, 0];
    return { start, end, text: text.slice(start, end), top, bottom, size, first, last };
  });
}

type Page = Pick<PageResult, 'page_number' | 'text' | 'lines' | 'line_fonts'>;

export function learnLayout(pages: readonly Page[]): Layout {
  const read = pages.map((page) => {
    const lines = linesOf(page);
    return { number: page.page_number, lines, downwards: lines.toSorted((a, b) => a.top - b.top) };
  });
  const textSize = mostText(read.flatMap(({ lines }) => lines));
  const edges = [0, 1]
    .flatMap((rank) => [edgeOf(read, rank, textSize), edgeOf(read, -1 - rank, textSize)])
    .filter((edge) => edge !== null);
  const titles = read.flatMap(({ number, lines }) =>
    lines.flatMap((line) => {
      const style = isEdge(line, number, edges) ? null : headingStyle(line, textSize);
      return style === null ? [] : [{ style, text: line.text.trim() }];
    }),
  );
  const styles = [...Map.groupBy(titles, ({ style }) => style)].map(([style, of]) => ({
    style,
    count: of.length,
    // "Details", "Examples": the same words under every heading of the level above.
    repeats: new Set(of.map(({ text }) => text)).size < of.length / 2,
  }));
  styles.sort((a, b) => b.count - a.count);
  styles.length = Math.min(styles.length, stylesMax);
  styles.sort(
    (a, b) => sizeOf(b.style) - sizeOf(a.style) || Number(a.repeats) - Number(b.repeats) || a.count - b.count,
  );
  return { textSize, edges, headings: styles.map(({ style }) => style) };
}

function mostText(lines: readonly Line[]): number {
  const letters = new Map<number, number>();
  for (const { size, start, end } of lines) letters.set(size, (letters.get(size) ?? 0) + end - start);
  return commonest(letters)[0];
}

/** Lines of a printed page hold still within this. */
const heightPoints = 3;
/** First pages of chapters often have no header. */
const pagesShareMin = 0.5;
const pagesMin = 4;

/** @param rank of the line on its page: 0 the topmost, -1 the lowest */
function edgeOf(
  pages: readonly { number: number; downwards: readonly Line[] }[],
  rank: number,
  textSize: number,
): Edge | null {
  const sizeMax = textSize * largerMin;
  const found = pages.flatMap(({ number, downwards }) => {
    const line = downwards.at(rank);
    return line && line.size < sizeMax ? [{ number, line }] : [];
  });
  const enough = Math.max(pagesMin, found.length * pagesShareMin);
  const height = commonest(tally(found.map(({ line }) => Math.round(line.top / heightPoints))))[0] * heightPoints;
  const there = found.filter(({ line }) => Math.abs(line.top - height) <= heightPoints);
  if (there.length < enough) return null;
  const offsets = tally(there.flatMap(({ number, line }) => numbersOf(line.text).map((of) => of - number)));
  const [offset, times] = commonest(offsets);
  const texts = tally(there.map(({ line }) => normalized(line.text)));
  const repeated = new Set([...texts].filter(([, count]) => count >= Math.max(3, enough / 4)).map(([text]) => text));
  const numbered = times >= enough * 0.8;
  return numbered || repeated.size > 0
    ? { top: height, offset: numbered ? offset : null, texts: repeated, sizeMax }
    : null;
}

/** Is the line of the page's frame, not of its text? */
export function isEdge(line: Line, pageNumber: number, edges: readonly Edge[]): boolean {
  return edges.some(
    ({ top, offset, texts, sizeMax }) =>
      line.size < sizeMax &&
      Math.abs(line.top - top) <= heightPoints &&
      ((offset !== null && numbersOf(line.text).includes(pageNumber + offset)) || texts.has(normalized(line.text))),
  );
}

const headingCharsMax = 120;
/** Anything below is the same size, rounded by the program that wrote the file. */
const largerMin = 1.1;

/** Null: it is text. */
export function headingStyle({ text, size, first, last }: Line, textSize: number): string | null {
  const words = text.trim();
  if (textSize === 0 || words.length > headingCharsMax || !/\p{L}{2}/u.test(words) || /[.,;]$/.test(words)) return null;
  const larger = size >= textSize * largerMin;
  const apart = (first === bold && last === bold) || (first === monospaced && last === italic);
  if (!larger && (!apart || size < textSize / largerMin)) return null;
  return `${Math.round(size)} ${first}${last}`;
}
export const sizeOf = (style: string) => Number(style.split(' ')[0]);

const numbersOf = (text: string) => (text.match(/\d+/g) ?? []).map(Number);
const normalized = (text: string) => text.replace(/\d+/g, '#').replace(/\s+/g, ' ').trim();

function tally<Value>(values: readonly Value[]): Map<Value, number> {
  const counts = new Map<Value, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** The first of those that are counted most, with its count; zeros: nothing was counted. */
const commonest = (counts: ReadonlyMap<number, number>): readonly [value: number, count: number] =>
  [...counts].reduce((best, next) => (next[1] > best[1] ? next : best), [0, 0]);
