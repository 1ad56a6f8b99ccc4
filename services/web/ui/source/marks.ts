/** Where a citation lies on its page. Pure. */
import type { LineBox, PageResult } from '../../../shared/contract/page.ts';

export interface Passage {
  /** UTF-16 offsets into the page's text. */
  readonly start: number;
  readonly end: number;
}

/** A rectangle in shares of the page's width and height, 0 to 1, from the top left corner. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The text parted at the passage; null when the offsets do not lie in it. */
export function partText(text: string, passage: Passage | null): readonly [string, string, string] | null {
  if (!passage || passage.start < 0 || passage.start >= passage.end || passage.end > text.length) return null;
  return [text.slice(0, passage.start), text.slice(passage.start, passage.end), text.slice(passage.end)];
}

/** The lines that hold a part of the passage. Whole lines: where in a line a letter stands, the parser does not say. */
export function rectangles({ lines, metadata }: PageResult, passage: Passage | null): Rectangle[] {
  const { width, height } = metadata;
  if (!passage || !width || !height) return [];
  return lines
    .filter((line) => overlaps(line, passage))
    .map(([, , x0, y0, x1, y1]) => ({
      left: x0 / width,
      top: y0 / height,
      width: (x1 - x0) / width,
      height: (y1 - y0) / height,
    }));
}

function overlaps([start, end]: LineBox, passage: Passage): boolean {
  return start < passage.end && end > passage.start;
}
