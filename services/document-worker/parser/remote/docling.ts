/** The answer of docling-serve's `/v1/convert/file` with `to_formats=json`: a DoclingDocument. */
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

/** Items of one answer; a page of print has about 20. */
const itemsMax = 100_000;

export const readDocling: ReadAnswer = (answer) => {
  const { status, document, errors } = object(answer);
  const content = object(object(document).json_content);
  if ((status !== 'success' && status !== 'partial_success') || !('pages' in content)) {
    const said = string(object(array(errors)[0]).error_message) || 'no reason given';
    throw new UnusableAnswerError(`docling-serve answers status '${string(status)}': ${said}`);
  }
  const pages = new Map<number, RemotePage>();
  for (const page of Object.values(object(content.pages))) {
    const { page_no, size } = object(page);
    pages.set(number(page_no), emptyPage(number(object(size).width), number(object(size).height)));
  }
  for (const item of inReadingOrder(content)) addItem(pages, item);
  return pages;
};

function addItem(pages: ReadonlyMap<number, RemotePage>, item: Json): void {
  const places = array(item.prov).map(object);
  const text = string(item.text);
  for (const place of places) {
    const page = pages.get(number(place.page_no));
    if (!page) continue;
    const box = boxOf(place, page);
    if (string(item.self_ref).startsWith('#/tables/')) {
      const cells = cellsOf(object(item.data));
      page.tables.push(cells);
      page.blocks.push({ text: cells.map((row) => row.join(' | ')).join('\n'), box });
    } else if (string(item.self_ref).startsWith('#/pictures/')) {
      const { size, uri } = object(item.image);
      const [width_px, height_px] = [number(object(size).width), number(object(size).height)].map(Math.round);
      page.images.push({ box, bytes: bytesOf(uri), width_px: width_px ?? 0, height_px: height_px ?? 0 });
    } else {
      // One that goes on over a page's end has a place on both.
      const [start, end] = array(place.charspan).map(number);
      page.blocks.push({ text: places.length > 1 ? text.slice(start, end) : text, box });
    }
  }
}

/** The body's tree, depth first; what it does not name (a build before it had one) in the order of its lists. */
function* inReadingOrder(content: Json): Generator<Json> {
  const seen = new Set<string>();
  const waiting = array(object(content.body).children).toReversed();
  while (waiting.length > 0 && seen.size < itemsMax) {
    const reference = string(object(waiting.pop()).$ref);
    const item = find(content, reference);
    if (!item || seen.has(reference)) continue;
    seen.add(reference);
    yield item;
    waiting.push(...array(item.children).toReversed());
  }
  for (const list of ['texts', 'tables', 'pictures'])
    for (const [index, item] of array(content[list]).entries()) if (!seen.has(`#/${list}/${index}`)) yield object(item);
}

/** @param reference as `#/texts/3` */
function find(content: Json, reference: string): Json | null {
  const [, list, index] = /^#\/(texts|tables|pictures|groups)\/(\d+)$/.exec(reference) ?? [];
  const item = list === undefined ? undefined : array(content[list])[Number(index)];
  return item === undefined ? null : object(item);
}

function boxOf(place: Json, { height }: RemotePage): Box {
  const { l, t, r, b, coord_origin } = object(place.bbox);
  const [left, top, right, bottom] = [number(l), number(t), number(r), number(b)];
  return coord_origin === 'TOPLEFT' ? [left, top, right, bottom] : [left, height - top, right, height - bottom];
}

function cellsOf({ grid, table_cells, num_rows, num_cols }: Json): string[][] {
  // The grid is made of the cells when it is written; who writes only these has no other table.
  if (!Array.isArray(grid)) return placed(array(table_cells).map(object), number(num_rows), number(num_cols));
  let cells = 0;
  const rows: string[][] = [];
  for (const row of array(grid)) {
    cells += array(row).length;
    if (cells > cellsMax) break;
    rows.push(array(row).map((cell) => string(object(cell).text)));
  }
  return rows;
}

function placed(cells: readonly Json[], rows: number, columns: number): string[][] {
  if (rows < 1 || columns < 1 || rows * columns > cellsMax) return [];
  const table = Array.from({ length: rows }, () => Array.from({ length: columns }, () => ''));
  for (const { start_row_offset_idx: row, start_col_offset_idx: column, text } of cells) {
    const at = table[number(row)];
    if (at && number(column) < columns) at[number(column)] = string(text);
  }
  return table;
}
