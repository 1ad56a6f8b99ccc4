/** What every parser gives: a document that was opened, and its pages on demand. */
import type { PageResult } from '../../shared/contract/page.ts';
import type { PageFrame } from './remote/page-frame.ts';

/** A page and the bytes of its pictures, one after the other, as `images[].stored` says. */
export interface ReadPage {
  readonly result: PageResult;
  readonly images: Uint8Array;
}

/** Pages of a PDF as one of their own. */
export interface PdfPart {
  readonly pdf: Uint8Array;
  /** What is in it, in its order. */
  readonly frames: readonly PageFrame[];
  /** Pages that could not be copied. */
  readonly failed: readonly PageResult[];
}

export interface DocumentReader {
  readonly pageCount: number;
  /** Pages by number, ascending, each as soon as it is read. Never the whole document in memory. */
  read(pages: readonly number[], images?: boolean): AsyncIterable<ReadPage> | Iterable<ReadPage>;
  /** Copies the first of these pages, as many as fit; absent: its type has no parts. */
  cut?(pages: readonly number[], bytesMax: number): PdfPart;
  close(): void;
}

/** @throws RefusedError */
export type OpenDocument = (path: string) => Promise<DocumentReader>;

/** Why a document cannot be opened at all. */
export type RefusalCode = 'encrypted' | 'damaged' | 'no-text';

export class RefusedError extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.name = 'RefusedError';
    this.code = code;
  }
}

/** Characters of one page. A page of print has about 3,000; more than this is made to exhaust memory. */
export const pageCharsMax = 500_000;
/** Lines of one page, each with its box. A page of print has about 60, a printed table some hundred. */
export const pageLinesMax = 10_000;
/** A page's result as JSON: the most characters in any script with the most lines, or nearly. */
export const pageBytesMax = 2 * 1024 * 1024;

export const withoutImages = (result: PageResult): ReadPage => ({ result, images: new Uint8Array() });

export function failedPage(pageNumber: number, parser: string, error: PageResult['error']): PageResult {
  return {
    page_number: pageNumber,
    text: '',
    lines: [],
    images: [],
    tables: { status: 'off', items: [] },
    metadata: { parser },
    error,
  };
}
