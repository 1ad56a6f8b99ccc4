import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cutAt, openText, pageChars } from '../../../../services/document-worker/parser/text-document.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-text-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function pagesOf(bytes: Uint8Array | string): Promise<string[]> {
  const path = join(folder, 'text');
  await writeFile(path, bytes);
  const reader = await openText(path);
  const texts = [];
  for await (const { result } of reader.read(Array.from({ length: reader.pageCount }, (_, page) => page + 1)))
    texts.push(result.text);
  expect(texts).toHaveLength(reader.pageCount);
  return texts;
}

test('pages end at paragraphs', async () => {
  const paragraph = `${'word '.repeat(300).trim()}.`;
  const pages = await pagesOf(Array(6).fill(paragraph).join('\n\n'));
  expect(pages).toEqual(Array(3).fill(`${paragraph}\n\n${paragraph}`));
});

test('a chosen page is the same as in the whole', async () => {
  const path = join(folder, 'chosen');
  await writeFile(path, Array.from({ length: 5000 }, (_, line) => `line ${line}`).join('\n'));
  const reader = await openText(path);
  const whole = [];
  for await (const { result } of reader.read(Array.from({ length: reader.pageCount }, (_, page) => page + 1)))
    whole.push(result);
  const chosen = [];
  for await (const { result } of reader.read([3, 5])) chosen.push(result);
  expect(chosen).toEqual([whole[2], whole[4]]);
  expect(chosen[0]).toMatchObject({ page_number: 3, lines: [], images: [], metadata: { parser: 'text' }, error: null });
});

test('UTF-8, UTF-16 with its mark and EUC-KR are read', async () => {
  const korean = '한국어 문서';
  expect(await pagesOf(korean)).toEqual([korean]);
  expect(await pagesOf(Buffer.from(`\uFEFF${korean}`, 'utf16le'))).toEqual([korean]);
  expect(await pagesOf(Buffer.from(`\uFEFF${korean}`, 'utf16le').swap16())).toEqual([korean]);
  expect(await pagesOf(Buffer.from('c7d1b1b9beee20b9aebcad', 'hex'))).toEqual([korean]);
});

test('a file without text is refused', async () => {
  await expect(pagesOf(' \n\t\r\n')).rejects.toMatchObject({
    code: 'no-text',
    message: 'The file has no text in it.',
  });
});

test('no character that is not white space is lost, no page is too long or blank', async () => {
  const text = fc
    .array(fc.oneof(fc.lorem({ maxCount: 80, mode: 'sentences' }), fc.string({ unit: 'binary', maxLength: 3000 })), {
      maxLength: 12,
    })
    .map((parts) =>
      parts
        .join('\n\n')
        .toWellFormed()
        .replaceAll(/[\0\uFEFF\uFFFD]/g, ''),
    );
  await fc.assert(
    fc.asyncProperty(text, async (given) => {
      fc.pre(given.trim() !== '');
      const pages = await pagesOf(given);
      const solid = (value: string) => value.replaceAll(/\s/g, '');
      expect(solid(pages.join(''))).toBe(solid(given));
      for (const page of pages) {
        expect(page.length).toBeLessThanOrEqual(pageChars);
        expect(page.trim()).toBe(page);
        expect(page).not.toBe('');
        expect(page.isWellFormed()).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

test('a page never ends inside a character', () => {
  expect(cutAt('a'.repeat(pageChars - 1) + '😀'.repeat(5))).toBe(pageChars - 1);
});
