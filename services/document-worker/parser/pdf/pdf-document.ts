/**
 * PDF by PDFium. The file is read in blocks as PDFium asks for them, and opened anew now and then, so memory does not depend
 * on its size.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type DocumentReader, failedPage, type ReadPage, RefusedError, withoutImages } from '../reader.ts';
import { readPdfPage } from './pdf-page.ts';
import { cutPdf } from './pdf-part.ts';
import { loadPdfium, type Pdfium, pdfParser } from './pdfium.ts';

/** PDFium keeps what it has parsed, some 2 KiB a page, until the document is closed. Opening 5,000 pages costs a dozen. */
const pagesPerOpening = 500;

/** @throws RefusedError `encrypted`, `damaged`, `no-text` when it has no pages */
export async function openPdf(path: string): Promise<DocumentReader> {
  pdfium ??= await loadPdfium();
  const loaded = pdfium;
  const { api } = loaded;
  const file = openFile(loaded, path);
  let document = api.FPDF_LoadCustomDocument(file.access, '');
  const close = () => {
    if (document) api.FPDF_CloseDocument(document);
    file.close();
  };
  if (!document) {
    const reason = api.FPDF_GetLastError();
    close();
    throw refusal(reason);
  }
  const pageCount = api.FPDF_GetPageCount(document);
  if (pageCount < 1) {
    close();
    throw new RefusedError('no-text', 'The PDF has no pages.');
  }
  let pagesRead = 0;
  /** The document for the next page. */
  const forPage = () => {
    if (pagesRead >= pagesPerOpening) {
      api.FPDF_CloseDocument(document);
      document = api.FPDF_LoadCustomDocument(file.access, '');
      if (!document) throw new Error(`PDFium does not open the document again: ${api.FPDF_GetLastError()}`);
      pagesRead = 0;
    }
    pagesRead += 1;
    return document;
  };
  return {
    pageCount,
    close,
    read: (pages, images = false) => readPages(loaded, forPage, pages, images),
    cut: (pages, bytesMax) => cutPdf(loaded, document, pages, bytesMax),
  };
}

let pdfium: Pdfium | undefined;

function* readPages(
  pdfium: Pdfium,
  forPage: () => number,
  pages: readonly number[],
  images: boolean,
): Generator<ReadPage> {
  for (const pageNumber of pages) {
    const page = pdfium.api.FPDF_LoadPage(forPage(), pageNumber - 1);
    if (!page) {
      const message = `Page ${pageNumber} cannot be read: its part of the file is damaged or missing.`;
      yield withoutImages(failedPage(pageNumber, pdfParser, { code: 'corrupt', message }));
      continue;
    }
    try {
      yield readPdfPage(pdfium, page, pageNumber, images);
    } finally {
      pdfium.api.FPDF_ClosePage(page);
    }
  }
}

/** Codes of FPDF_GetLastError (pdfium/public/fpdfview.h). */
function refusal(reason: number): RefusedError {
  const needsPassword = 4;
  const unsupportedSecurity = 5;
  if (reason === needsPassword)
    return new RefusedError('encrypted', 'The PDF is locked with a password. Save it without one and upload that.');
  if (reason === unsupportedSecurity)
    return new RefusedError('encrypted', 'The PDF is locked in a way that cannot be opened. Save it without a lock.');
  return new RefusedError('damaged', 'The file is not a readable PDF: it is damaged or was cut off.');
}

/** An FPDF_FILEACCESS (fpdfview.h): length, callback that fills a block, its parameter. */
function openFile({ api, bytes }: Pdfium, path: string): { access: number; close(): void } {
  const { addFunction, removeFunction, setValue, wasmExports } = api.pdfium;
  const file = openSync(path, 'r');
  const readBlock = addFunction(
    (_parameter: number, position: number, buffer: number, size: number) =>
      readSync(file, bytes(), buffer, size, position >>> 0) === size ? 1 : 0,
    'iiiii',
  );
  const access = wasmExports.malloc(12);
  setValue(access, fstatSync(file).size, 'i32');
  setValue(access + 4, readBlock, 'i32');
  setValue(access + 8, 0, 'i32');
  return {
    access,
    close: () => {
      wasmExports.free(access);
      removeFunction(readBlock);
      closeSync(file);
    },
  };
}
