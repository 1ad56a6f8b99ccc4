import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chunkCharsMax, chunkText } from '../../../../services/document-worker/index/chunk-page.ts';
import { learnLayout, plainLayout, stylesMax } from '../../../../services/document-worker/index/layout.ts';
import { sampled } from '../../../../services/document-worker/index/open-sections.ts';
import { createSections, edgeRanges } from '../../../../services/document-worker/index/sections.ts';
import { comparePage } from '../../../../services/document-worker/verify/check-vectors.ts';
import type { PageResult } from '../../../../services/shared/contract/page.ts';

const [plain, bold, monospaced] = [0, 1, 3];
type Set = readonly [text: string, size?: number, style?: number];

/** Lines one below the other, the last one at the foot of the page. */
function page(page_number: number, given: readonly Set[]): PageResult {
  const text = given.map(([line]) => line).join('\n');
  let at = 0;
  const lines: PageResult['lines'] = [];
  for (const [index, [line]] of given.entries()) {
    const top = index === given.length - 1 ? 800 : 50 + index * 12;
    lines.push([at, at + line.length, 50, top, 500, top + 10]);
    at += line.length + 1;
  }
  return {
    page_number,
    text,
    lines,
    line_fonts: given.map(([, size = 10, style = plain]) => [size, style, style]),
    images: [],
    tables: { status: 'off', items: [] },
    metadata: { parser: 'pdfium' },
    error: null,
  };
}
const prose = (about: string) => `The ${about} is described here at some length, and at more length still. `.repeat(9);
const handbook = Array.from({ length: 8 }, (_, index) =>
  page(index + 1, [
    [`Handbook of ${index % 2 ? 'pumps' : 'Acme'} ${index + 11}`],
    [`${index + 1} Chapter about part ${index}`, 16, bold],
    [prose(`part ${index}`)],
    ['Details', 10, bold],
    [prose(`small print of part ${index}`)],
    ['Examples', 10, bold],
    [prose(`use of part ${index}`)],
    ['Confidential'],
  ]),
);

test('chunks carry the title and the headings above them, and no line that is on every page', () => {
  const layout = learnLayout(handbook);
  const sections = createSections('Pumps', layout, false);
  const chunks = handbook.flatMap((of) => sections.chunksOf(of));
  expect(chunks.slice(0, 3).map(({ heading }) => heading)).toEqual([
    'Pumps > 1 Chapter about part 0',
    'Pumps > 1 Chapter about part 0 > Details',
    'Pumps > 1 Chapter about part 0 > Examples',
  ]);
  for (const { text } of chunks) expect(text).not.toMatch(/Handbook of|Confidential/);
  // What verify expects is what was cut.
  const last = handbook.at(-1) as PageResult;
  const written = createSections('Pumps', layout, false).chunksOf(last);
  const stored = written.map((chunk, place) => ({ ...chunk, id: String(place), page_number: last.page_number }));
  expect(comparePage('d', last, stored, edgeRanges(last, layout))).toEqual([]);
  expect(comparePage('d', last, stored.slice(1), edgeRanges(last, layout))).toMatchObject([{ kind: 'missing' }]);
});

test('a section goes on over the page, and a short one stays with the next', () => {
  const layout = learnLayout(handbook);
  const sections = createSections('Pumps', layout, false);
  sections.chunksOf(handbook[0] as PageResult);
  const next = page(9, [
    ['19 Handbook of pumps'],
    [prose('rest of the use')],
    ['Note', 10, bold],
    ['None.'],
    ['Details', 10, bold],
    [prose('end')],
    ['Confidential'],
  ]);
  expect(sections.chunksOf(next).map(({ heading }) => heading)).toEqual([
    'Pumps > 1 Chapter about part 0 > Examples',
    'Pumps > 1 Chapter about part 0 > Note | Details',
  ]);
});

test('a long paragraph is a chunk of its own; short ones stand together', () => {
  const paragraphs = [500, 1000, 450].map((length, index) => `Paragraph ${index} goes on. `.repeat(length / 20).trim());
  const short = ['One.', 'Two.', 'Three.'].map((word) => `${word} Short ones say little alone.`).join('\n\n');
  const text = [...paragraphs, short].join('\n\n');
  const [first, second, ...rest] = chunkText(text, 0, text.length, []).map((chunk) => chunk.text);
  expect([first, second]).toEqual(paragraphs.slice(0, 2));
  expect(rest.at(-1)).toContain(short);
});

test('a page of a build before fonts, and a document of one page, are text alone', () => {
  const { line_fonts: _, ...old } = handbook[0] as PageResult;
  const layout = learnLayout([old, old, old, old]);
  expect(layout).toEqual(plainLayout);
  expect(createSections('Old', layout, false).chunksOf(old)[0]?.heading).toBe('Old');
  const single = learnLayout(handbook.slice(0, 1));
  expect(single.edges).toEqual([]);
});

test('Markdown: headings are those of its signs, not of its code; tables and code are cut as a whole', () => {
  const code = `\`\`\`sh\n# not a heading\n${'run --it all\n'.repeat(40)}\`\`\``;
  const text = `# Guide\n${prose('guide')}\n\n## Install\n${prose('installation')}\n${code}\nAfter it.`;
  const of = { ...(handbook[0] as PageResult), text, lines: [], line_fonts: undefined };
  const chunks = createSections('guide', plainLayout, true).chunksOf(of);
  expect(chunks.map(({ heading }) => heading)).toEqual(
    chunks.map((_, index) => (index === 0 ? 'guide > Guide' : 'guide > Guide > Install')),
  );
  expect(chunks.filter((chunk) => chunk.text.includes(code))).toHaveLength(1);
});

test('code of a printed page is cut as a whole', () => {
  const code = Array.from({ length: 30 }, (_, index): Set => [`call(${index}, with, some, arguments)`, 9, monospaced]);
  const of = page(1, [[prose('code')], ...code, [prose('rest')], ['end of it']]);
  const chunks = createSections('Code', learnLayout([of]), false).chunksOf(of);
  expect(chunks.filter(({ text }) => text.includes('call(0,'))).toEqual(
    chunks.filter(({ text }) => text.includes('call(29,')),
  );
});

test('whatever is to stay together: every letter once, in order, none longer than allowed', () => {
  const ranges = fc.array(fc.tuple(fc.nat(4000), fc.nat(1500)), { maxLength: 5 });
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', ' ', '.\n', '\n\n', '다. '), maxLength: 4000 }),
      ranges,
      (text, given) => {
        const chunks = chunkText(
          text,
          0,
          text.length,
          given.map(([start, length]) => ({ start, end: start + length })),
        );
        expect(
          chunks
            .map((chunk) => chunk.text)
            .join('')
            .replace(/\s/g, ''),
        ).toBe(text.replace(/\s/g, ''));
        for (const chunk of chunks) {
          expect(chunk.text).toBe(text.slice(chunk.start, chunk.end));
          expect(chunk.text.length).toBeLessThanOrEqual(chunkCharsMax);
        }
      },
    ),
  );
});

test('a layout is learned from a bounded number of pages', () => {
  expect(sampled(Array.from({ length: 2000 }, (_, index) => index))).toHaveLength(64);
  expect(sampled([1, 2, 3])).toEqual([1, 2, 3]);
  const some = sampled(Array.from({ length: 70 }, (_, index) => index));
  expect(new Set(some).size).toBe(some.length);
});

test('of headings that are all set differently the commonest are learned; the others stand where their size says', () => {
  const heading = (name: string, size: number): Set => [`Heading ${name}`, size, bold];
  const pages = Array.from({ length: 8 }, (_, index) =>
    page(index + 1, [
      heading('of the part', 30),
      heading('of the chapter', 20),
      ...Array.from({ length: 200 }, (_, at) => heading(`${index}-${at}`, 100 + index * 200 + at)),
      [prose('text').repeat(30)],
      [`page ${index + 1}`],
    ]),
  );
  const layout = learnLayout(pages);
  expect(layout.headings).toHaveLength(stylesMax);
  expect(layout.headings.slice(-2)).toEqual(['30 11', '20 11']);
  const chunks = createSections('Styles', layout, false).chunksOf(
    page(9, [
      ['Of the chapter', 20, bold],
      [prose('pump')],
      ['Between', 25, bold],
      [prose('valve')],
      ['Below', 12, bold],
      [prose('pipe')],
      ['page 9'],
    ]),
  );
  expect([...new Set(chunks.map((chunk) => chunk.heading))]).toEqual([
    'Styles > Of the chapter',
    'Styles > Between',
    'Styles > Between > Below',
  ]);
});

test('what a page says alone is no page header, though every page says it', () => {
  const pages = Array.from({ length: 8 }, (_, index) => page(index + 1, [['The same words on every page.']]));
  const layout = learnLayout(pages);
  const sections = createSections('Copies', layout, false);
  expect(pages.map((one) => sections.chunksOf(one).length)).toEqual(pages.map(() => 1));
});
