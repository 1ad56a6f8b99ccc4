/** Plain text and Markdown: pages of at most {@link pageChars} characters, cut at paragraph borders. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { PageResult } from '../../shared/contract/page.ts';
import { type DocumentReader, failedPage, RefusedError, withoutImages } from './reader.ts';

/** About a printed page; a citation then points at something that fits a screen. */
export const pageChars = 4000;

/** The file is streamed anew for every read, so memory does not depend on its size. @throws RefusedError */
export async function openText(path: string): Promise<DocumentReader> {
  const encoding = await encodingOf(path);
  let pageCount = 0;
  for await (const text of pagesOf(path, encoding)) if (text) pageCount += 1;
  if (pageCount === 0) throw new RefusedError('no-text', 'The file has no text in it.');
  return {
    pageCount,
    close: () => {},
    async *read(pages) {
      const wanted = new Set(pages);
      const last = pages.at(-1) ?? 0;
      let pageNumber = 0;
      for await (const text of pagesOf(path, encoding)) {
        pageNumber += 1;
        if (wanted.has(pageNumber)) yield withoutImages(textPage(pageNumber, text));
        if (pageNumber >= last) return;
      }
    },
  };
}

function textPage(pageNumber: number, text: string): PageResult {
  return { ...failedPage(pageNumber, 'text', null), text };
}

async function* pagesOf(path: string, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding);
  let rest = '';
  for await (const bytes of createReadStream(path, { highWaterMark: 64 * 1024 })) {
    rest += clean(decoder.decode(bytes as Buffer, { stream: true }));
    // One character more than a page, so that a carriage return or a pair at the border is seen whole.
    while (rest.length > pageChars + 1) {
      const end = cutAt(rest);
      const page = rest.slice(0, end).trim();
      rest = rest.slice(end);
      if (page) yield page;
    }
  }
  rest = `${rest}${clean(decoder.decode())}`.trim();
  while (rest.length > pageChars) {
    const end = cutAt(rest);
    const page = rest.slice(0, end).trim();
    if (page) yield page;
    rest = rest.slice(end);
  }
  if (rest.trim()) yield rest.trim();
}

/** Where a page ends in a text longer than {@link pageChars}: after a paragraph, else a line, a sentence, a word. */
export function cutAt(text: string): number {
  // A border in the first quarter would make crumbs of pages.
  const earliest = pageChars / 4;
  for (const border of ['\n\n', '\n', '. ', ' ']) {
    const at = text.lastIndexOf(border, pageChars - border.length);
    if (at >= earliest) return at + border.length;
  }
  const splitsPair = /[\uD800-\uDBFF]/.test(text[pageChars - 1] as string);
  return splitsPair ? pageChars - 1 : pageChars;
}

/** NUL cannot be stored as text, and a carriage return shows as nothing. */
const clean = (text: string) => text.replaceAll(/[\0\r]/g, '');

/** UTF-16 by its mark, else UTF-8, else Korean EUC-KR; what is none of them is read as UTF-8 with replacements. */
async function encodingOf(path: string): Promise<string> {
  const file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0).finally(() => file.close());
  if (bytesRead === 2 && buffer.readUInt16BE() === 0xfffe) return 'utf-16le';
  if (bytesRead === 2 && buffer.readUInt16BE() === 0xfeff) return 'utf-16be';
  for (const encoding of ['utf-8', 'euc-kr']) if (await decodes(path, encoding)) return encoding;
  return 'utf-8';
}

async function decodes(path: string, encoding: string): Promise<boolean> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    for await (const bytes of createReadStream(path)) decoder.decode(bytes as Buffer, { stream: true });
    decoder.decode();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return false;
    throw error;
  }
}
