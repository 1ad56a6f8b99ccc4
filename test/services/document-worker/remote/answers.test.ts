/** What a page, and a provider's answer, may make the service hold. */
import { expect, test } from '@jest/globals';
import { addImage, type ImageBytes } from '../../../../services/document-worker/parser/images.ts';
import { emptyPage, toPageResult } from '../../../../services/document-worker/parser/remote/blocks.ts';
import { convertAnswer } from '../../../../services/document-worker/parser/remote/convert.ts';

const jpegOf = (bytes: number) => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(bytes - 3)]);
const frame = { page_number: 3, width: 600, height: 800, rotation: 0, drawn: true };
const wanted = { images: true, tables: true };

test('of a page 50 pictures are kept, 8 MiB of them, and nothing that is no picture', () => {
  const many: ImageBytes = { parts: [], bytes: 0 };
  const kept = Array.from({ length: 60 }, () => addImage(many, jpegOf(100))).filter(Boolean);
  expect([kept.length, many.bytes]).toEqual([50, 5000]);

  const large: ImageBytes = { parts: [], bytes: 0 };
  const mib = 1024 * 1024;
  expect([
    addImage(large, jpegOf(5 * mib)),
    addImage(large, jpegOf(5 * mib)),
    addImage(large, jpegOf(3 * mib)),
  ]).toEqual([
    { stored: { media_type: 'image/jpeg', offset: 0, bytes: 5 * mib } },
    undefined,
    { stored: { media_type: 'image/jpeg', offset: 5 * mib, bytes: 3 * mib } },
  ]);
  expect(addImage(many, Buffer.from(`<svg>${' '.repeat(100)}</svg>`))).toBeUndefined();
});

test('an answer is held to the bounds of any parser', () => {
  const page = (text: string, boxes = 1) => ({
    ...emptyPage(300, 400),
    blocks: Array.from({ length: boxes }, () => ({
      text,
      box: [-10, 10, 9999, 20] as [number, number, number, number],
    })),
  });
  const { result } = toPageResult('docling', frame, page('a\0b\uD800'), wanted);
  // Twice the size, cut at the page's edge; PostgreSQL can store the text.
  expect(result).toMatchObject({ text: 'a b\uFFFD', lines: [[0, 4, 0, 20, 600, 40]] });
  const failed = (text: string, boxes?: number) =>
    toPageResult('docling', frame, page(text, boxes), wanted).result.error;
  expect(failed('x'.repeat(500_001))).toEqual({
    code: 'too-large',
    message: 'Page 3 has more than 500000 characters, which are allowed.',
  });
  expect(failed('x', 10_001)).toEqual({ code: 'too-large', message: 'Page 3 has 10001 lines, allowed are 10000.' });
  expect(toPageResult('docling', frame, undefined, wanted).result.error).toEqual({
    code: 'corrupt',
    message: "The parser 'docling' left page 3 out.",
  });
});

test.each([
  ['docling', {}, "docling-serve answers status '': no reason given"],
  ['docling', { status: 'failure', errors: [{ error_message: 'no memory' }] }, "answers status 'failure': no memory"],
  ['unstructured', { detail: 'x' }, 'The endpoint answers no list of elements.'],
] as const)('an answer of %s that is none is said to be: %j', (convert, answer, message) => {
  const request = { convert, answer: Buffer.from(JSON.stringify(answer)), frames: [frame], ...wanted };
  expect(() => [...convertAnswer(request)]).toThrow(message);
});

test('strange shapes make no strange pages', () => {
  const answer = [null, 7, { metadata: { page_number: 1, coordinates: { points: [['a', null], 3] } }, text: {} }];
  const request = {
    convert: 'unstructured',
    answer: Buffer.from(JSON.stringify(answer)),
    frames: [frame],
    ...wanted,
  } as const;
  expect([...convertAnswer(request)].map(({ result }) => [result.text, result.error])).toEqual([['', null]]);
});

test('a table of docling without its grid is made of its cells', () => {
  const cell = (row: number, column: number, text: string) => ({
    start_row_offset_idx: row,
    start_col_offset_idx: column,
    text,
  });
  const prov = [{ page_no: 1, bbox: { l: 0, t: 10, r: 100, b: 0, coord_origin: 'TOPLEFT' } }];
  const data = { num_rows: 2, num_cols: 2, table_cells: [cell(0, 0, 'a'), cell(1, 1, 'd'), cell(9, 9, 'nowhere')] };
  const json_content = {
    body: { children: [{ $ref: '#/tables/0' }, { $ref: '#/tables/0' }, { $ref: '#/texts/7' }] },
    tables: [{ self_ref: '#/tables/0', prov, data }],
    pages: { 1: { page_no: 1, size: { width: 600, height: 800 } } },
  };
  const answer = Buffer.from(JSON.stringify({ status: 'success', document: { json_content } }));
  const [page] = [...convertAnswer({ convert: 'docling', answer, frames: [frame], ...wanted })];
  expect(page?.result.tables.items).toEqual([
    [
      ['a', ''],
      ['', 'd'],
    ],
  ]);
});
