/** The answer of an Unstructured-compatible `/general/v0/general`: a list of elements in reading order. */
import {
  array,
  type Box,
  bytesOf,
  cellsMax,
  emptyPage,
  type Json,
  number,
  object,
  type ReadAnswer,
  type RemotePage,
  string,
  UnusableAnswerError,
} from './blocks.ts';

export const readUnstructured: ReadAnswer = (answer) => {
  if (!Array.isArray(answer)) throw new UnusableAnswerError('The endpoint answers no list of elements.');
  const pages = new Map<number, RemotePage>();
  for (const element of answer.map(object)) {
    const metadata = object(element.metadata);
    const { points, layout_width, layout_height } = object(metadata.coordinates);
    const pageNumber = number(metadata.page_number);
    let page = pages.get(pageNumber);
    // An element without a place does not say the size either.
    if (!page?.width)
      page = { ...(page ?? emptyPage(0, 0)), width: number(layout_width), height: number(layout_height) };
    pages.set(pageNumber, page);
    addElement(page, element, metadata, boxOf(points));
  }
  return pages;
};

function addElement(page: RemotePage, { type, text }: Json, metadata: Json, box: Box | null): void {
  if (type === 'PageBreak') return;
  const image = bytesOf(metadata.image_base64);
  // Which size it has in pixels is not said; its box is in pixels of the page's picture.
  if (type === 'Image' && box) {
    const [width_px, height_px] = [Math.round(box[2] - box[0]), Math.round(box[3] - box[1])];
    page.images.push({ box, bytes: image, width_px, height_px });
  }
  const cells = type === 'Table' ? cellsOf(string(metadata.text_as_html)) : [];
  if (cells.length > 0) page.tables.push(cells);
  page.blocks.push({ text: string(text), box });
}

/** Corners of a quadrilateral. */
function boxOf(points: unknown): Box | null {
  const corners = array(points).map((point) => array(point).map(number));
  if (corners.length === 0) return null;
  const [xs, ys] = [corners.map(([x = 0]) => x), corners.map(([, y = 0]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

const htmlCharactersMax = 1_000_000;

/** The plain table that Unstructured writes: rows of cells with text alone. */
function cellsOf(html: string): string[][] {
  let cells = 0;
  const rows: string[][] = [];
  for (const [, row = ''] of html.slice(0, htmlCharactersMax).matchAll(/<tr[^>]*>(.*?)<\/tr>/gs)) {
    const texts = [...row.matchAll(/<t[dh][^>]*>(.*?)<\/t[dh]>/gs)].map(([, cell = '']) => textOf(cell));
    cells += texts.length;
    if (cells > cellsMax) break;
    rows.push(texts);
  }
  return rows;
}

const entities: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#x27': "'",
  nbsp: ' ',
  amp: '&',
};

const textOf = (html: string) =>
  html
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&([a-z#0-9]+);/g, (whole, name: string) => entities[name] ?? whole)
    .replaceAll(/\s+/g, ' ')
    .trim();
