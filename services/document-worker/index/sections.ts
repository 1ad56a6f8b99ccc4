/**
 * Pages into chunks that know where they stand: under which headings, of which document. Page headers and footers are in
 * none. Pure, but for what it remembers from page to page: pages are given in order.
 */
import type { PageResult } from '../../shared/contract/page.ts';
import { headingCharsMax, headingJoins } from '../../shared/contract/vectorstore.ts';
import { chunkText, type TextChunk } from './chunk-page.ts';
import { headingStyle, isEdge, type Layout, type Line, linesOf, sizeOf } from './layout.ts';
import { type Heading, markdownHeadings, togetherIn } from './markdown.ts';

export interface PlacedChunk extends TextChunk {
  /** The document's title and the headings above the text, outermost first. */
  readonly heading: string;
}

/** A shorter section is one with the next: a chunk of a few words is found by chance. */
const sectionCharsMin = 600;

export function createSections(title: string, layout: Layout, markdown: boolean) {
  const path: string[] = [];
  const levelOf = levelsOf(layout.headings);
  const enter = (headings: readonly Heading[]): string => {
    const names = headings.map(({ text }) => text.replace(/\s+/g, ' ').trim());
    for (const [index, { level }] of headings.entries()) {
      path.length = Math.min(path.length, level);
      path[level] = names[index] as string;
      if (index === 0) names[0] = place(title, path);
    }
    return (names.length === 0 ? place(title, path) : names.join(headingJoins.beside)).slice(0, headingCharsMax);
  };
  return {
    chunksOf: (page: PageResult): PlacedChunk[] => {
      const lines = linesOf(page);
      const headings = markdown
        ? markdownHeadings(page.text)
        : printedHeadings(page.page_number, lines, layout, levelOf);
      const together = markdown ? togetherIn(page.text) : codeOf(lines);
      const edges = edgeRanges(page, layout, lines);
      return sectionsOf(page.text, headings).flatMap((section) => {
        const heading = enter(section.headings);
        return kept(section.start, section.end, edges).flatMap(({ start, end }) =>
          chunkText(page.text, start, end, together).map((chunk) => ({ ...chunk, heading })),
        );
      });
    },
  };
}

const place = (title: string, path: readonly string[]) => [title, ...path.filter(Boolean)].join(headingJoins.below);

interface Section extends Range {
  /** In it, the first at its beginning; none: it goes on with what the page before ended with. */
  readonly headings: readonly Heading[];
}

function sectionsOf(text: string, headings: readonly Heading[]): Section[] {
  const sections: { start: number; end: number; headings: Heading[] }[] = [
    { start: 0, end: text.length, headings: [] },
  ];
  for (const heading of headings) {
    const open = sections.at(-1) as (typeof sections)[number];
    const before = text.slice(open.start, heading.start).trim().length;
    // A heading above those of the section ends it, however short it is; so does any that follows what a page before began.
    const ends = open.headings.every(({ level }) => level > heading.level);
    if (before === 0 || (before < sectionCharsMin && !ends)) open.headings.push(heading);
    else {
      open.end = heading.start;
      sections.push({ start: heading.start, end: text.length, headings: [heading] });
    }
  }
  return sections;
}

function printedHeadings(
  pageNumber: number,
  lines: readonly Line[],
  layout: Layout,
  levelOf: (style: string) => number,
): Heading[] {
  return lines.flatMap((line) => {
    if (isEdge(line, pageNumber, layout.edges)) return [];
    const style = headingStyle(line, layout.textSize);
    if (style === null) return [];
    return [{ start: line.start, end: line.end, text: line.text, level: levelOf(style) }];
  });
}

/** A style that was not on the pages that were looked at stands where its size says. */
function levelsOf(known: readonly string[]): (style: string) => number {
  const levels = new Map(known.map((style, level) => [style, level]));
  const sizes = known.map(sizeOf);
  return (style) => {
    const own = sizeOf(style);
    return levels.get(style) ?? sizes.filter((size) => size > own).length;
  };
}

type Range = Pick<TextChunk, 'start' | 'end'>;

/** Page headers and footers: in no chunk. A page that holds nothing else keeps them: they are what it says. */
export function edgeRanges(page: PageResult, { edges }: Layout, lines = linesOf(page)): Range[] {
  if (edges.length === 0) return [];
  const ranges = lines
    .filter((line) => isEdge(line, page.page_number, edges))
    .map(({ start, end }) => ({ start, end }))
    .sort((a, b) => a.start - b.start);
  const rest = kept(0, page.text.length, ranges).some(({ start, end }) => page.text.slice(start, end).trim() !== '');
  return rest ? ranges : [];
}

/** What is left of a stretch without the given ranges. */
function kept(start: number, end: number, without: readonly Range[]): Range[] {
  const left: Range[] = [];
  let at = start;
  for (const range of without) {
    if (range.end <= at || range.start >= end) continue;
    if (range.start > at) left.push({ start: at, end: range.start });
    at = range.end;
  }
  if (at < end) left.push({ start: at, end });
  return left;
}

const monospaced = 3;

/** Lines of code that follow each other: one stretch. */
function codeOf(lines: readonly Line[]): Range[] {
  const ranges: { start: number; end: number }[] = [];
  let code = false;
  for (const { start, end, first, last } of lines) {
    const is = first === monospaced && last === monospaced;
    const open = ranges.at(-1);
    if (is && code && open) open.end = end;
    else if (is) ranges.push({ start, end });
    code = is;
  }
  return ranges;
}
