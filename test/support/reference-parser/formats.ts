/** What docling-serve and an Unstructured endpoint answer for the pages of a PDF; the text and its places are real. */
import { openPdf } from '../../../services/document-worker/parser/pdf/pdf-document.ts';
import type { PageResult } from '../../../services/shared/contract/page.ts';

export interface Asked {
  readonly images: boolean;
  readonly tables: boolean;
}

export async function readPart(path: string): Promise<PageResult[]> {
  const reader = await openPdf(path);
  const pages: PageResult[] = [];
  try {
    const numbers = Array.from({ length: reader.pageCount }, (_, index) => index + 1);
    for await (const { result } of reader.read(numbers)) pages.push(result);
  } finally {
    reader.close();
  }
  return pages;
}

/** A line that holds a bar between two words is a row of a table here. */
const cellsOf = (line: string) => line.split('|').map((cell) => cell.trim());
const isRow = (line: string) => line.includes('|');
/** 2 × 2 pixels. */
export const picture =
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAYAAABytg0kAAAAGUlEQVR4nGNgsKnYopGy4A6DSEDPCSD7AwA5kgeBagjs4gAAAABJRU5ErkJggg==';

interface Format {
  readonly path: string;
  readonly keyHeader: string;
  askedOf(form: FormData): Asked;
  answer(pages: readonly PageResult[], asked: Asked): unknown;
}

export const formats = {
  docling: {
    path: '/v1/convert/file',
    keyHeader: 'x-api-key',
    askedOf: (form) => ({
      images: form.get('image_export_mode') === 'embedded',
      tables: form.get('do_table_structure') === 'true',
    }),
    answer: doclingAnswer,
  },
  unstructured: {
    path: '/general/v0/general',
    keyHeader: 'unstructured-api-key',
    askedOf: (form) => ({
      images: form.has('extract_image_block_types'),
      // Of any other strategy it gives none.
      tables: form.get('strategy') === 'hi_res' && form.get('pdf_infer_table_structure') === 'true',
    }),
    answer: unstructuredAnswer,
  },
} as const satisfies Record<string, Format>;

/** Lines of a page with their boxes. */
const linesOf = ({ text, lines }: PageResult) =>
  lines.map(([start, end, ...box]) => ({ text: text.slice(start, end), box }));

function doclingAnswer(pages: readonly PageResult[], { images }: Asked) {
  const texts: object[] = [];
  const tables: object[] = [];
  const pictures: object[] = [];
  const children: { $ref: string }[] = [];
  for (const [index, page] of pages.entries()) {
    const { height = 0 } = page.metadata;
    // Docling measures from the bottom of the page.
    const prov = ([l = 0, t = 0, r = 0, b = 0]: readonly number[], charspan = [0, 0]) => [
      { page_no: index + 1, bbox: { l, t: height - t, r, b: height - b, coord_origin: 'BOTTOMLEFT' }, charspan },
    ];
    for (const { text, box } of linesOf(page))
      if (isRow(text)) {
        const self_ref = `#/tables/${tables.length}`;
        children.push({ $ref: self_ref });
        const grid = [cellsOf(text).map((cell) => ({ text: cell }))];
        tables.push({
          self_ref,
          label: 'table',
          prov: prov(box),
          data: { num_rows: 1, num_cols: grid[0]?.length, grid },
        });
      } else {
        const self_ref = `#/texts/${texts.length}`;
        children.push({ $ref: self_ref });
        texts.push({ self_ref, label: 'text', prov: prov(box, [0, text.length]), orig: text, text });
      }
    for (const { box } of page.images) {
      const self_ref = `#/pictures/${pictures.length}`;
      children.push({ $ref: self_ref });
      const uri = `data:image/png;base64,${picture}`;
      pictures.push({
        self_ref,
        label: 'picture',
        prov: prov(box),
        ...(images && { image: { mimetype: 'image/png', dpi: 72, size: { width: 2, height: 2 }, uri } }),
      });
    }
  }
  const sizes = pages.map(({ metadata: { width, height } }, index) => [
    String(index + 1),
    { page_no: index + 1, size: { width, height } },
  ]);
  return {
    document: {
      filename: 'pages.pdf',
      json_content: {
        schema_name: 'DoclingDocument',
        version: '1.7.0',
        name: 'pages',
        body: { self_ref: '#/body', children, content_layer: 'body', name: '_root_', label: 'unspecified' },
        groups: [],
        texts,
        pictures,
        tables,
        pages: Object.fromEntries(sizes),
      },
      md_content: null,
    },
    status: 'success',
    errors: [],
    processing_time: 0.1,
    timings: {},
  };
}

/** Pixels per point of the pictures of pages that Unstructured measures in. */
const scale = 200 / 72;

function unstructuredAnswer(pages: readonly PageResult[], { images, tables }: Asked) {
  return pages.flatMap((page, index) => {
    const { width = 0, height = 0 } = page.metadata;
    const metadata = ([x0 = 0, y0 = 0, x1 = 0, y1 = 0]: readonly number[]) => ({
      page_number: index + 1,
      filename: 'pages.pdf',
      filetype: 'application/pdf',
      languages: ['eng'],
      coordinates: {
        points: [
          [x0, y0],
          [x0, y1],
          [x1, y1],
          [x1, y0],
        ].map((point) => point.map((value) => value * scale)),
        system: 'PixelSpace',
        layout_width: width * scale,
        layout_height: height * scale,
      },
    });
    const rows = (text: string) =>
      cellsOf(text)
        .map((cell) => `<td>${cell.replaceAll('&', '&amp;')}</td>`)
        .join('');
    return [
      ...linesOf(page).map(({ text, box }) => ({
        type: isRow(text) ? 'Table' : 'NarrativeText',
        element_id: `${index}-${box.join('-')}`,
        text: isRow(text) ? cellsOf(text).join(' ') : text,
        metadata: {
          ...metadata(box),
          ...(isRow(text) && tables && { text_as_html: `<table><tbody><tr>${rows(text)}</tr></tbody></table>` }),
        },
      })),
      ...page.images.map(({ box }) => ({
        type: 'Image',
        element_id: `${index}-image`,
        text: '',
        metadata: { ...metadata(box), ...(images && { image_base64: picture, image_mime_type: 'image/png' }) },
      })),
    ];
  });
}
