/** Pages of a PDF copied into one of their own, which is what a provider is sent. */
import type { PageResult } from '../../../shared/contract/page.ts';
import { failedPage, type PdfPart } from '../reader.ts';
import type { PageFrame } from '../remote/page-frame.ts';
import { type Pdfium, pdfParser } from './pdfium.ts';

/** The first of these pages, as many as fit; a page that fits into no request fails. */
export function cutPdf(pdfium: Pdfium, document: number, pages: readonly number[], bytesMax: number): PdfPart {
  const frames: PageFrame[] = [];
  const failed: PageResult[] = [];
  for (const pageNumber of pages) {
    const frame = frameOf(pdfium, document, pageNumber);
    if (frame) frames.push(frame);
    else {
      const message = `Page ${pageNumber} cannot be read: its part of the file is damaged or missing.`;
      failed.push(failedPage(pageNumber, pdfParser, { code: 'corrupt', message }));
    }
  }
  for (let fitting = frames; fitting.length > 0; fitting = fitting.slice(0, Math.floor(fitting.length / 2))) {
    const pdf = copy(pdfium, document, fitting);
    if (pdf && pdf.length <= bytesMax) return { pdf, frames: fitting, failed };
    if (fitting.length > 1) continue;
    const [{ page_number }] = fitting as [PageFrame];
    const error = pdf
      ? ({
          code: 'too-large',
          message: `Page ${page_number} alone has ${pdf.length} bytes, a request to the parser may have ${bytesMax}.`,
        } as const)
      : ({
          code: 'corrupt',
          message: `Page ${page_number} cannot be copied: its part of the file is damaged.`,
        } as const);
    return { pdf: new Uint8Array(), frames: [], failed: [...failed, failedPage(page_number, pdfParser, error)] };
  }
  return { pdf: new Uint8Array(), frames: [], failed };
}

function frameOf({ api }: Pdfium, document: number, pageNumber: number): PageFrame | null {
  const page = api.FPDF_LoadPage(document, pageNumber - 1);
  if (!page) return null;
  const frame = {
    page_number: pageNumber,
    width: api.FPDF_GetPageWidthF(page),
    height: api.FPDF_GetPageHeightF(page),
    rotation: api.FPDFPage_GetRotation(page) * 90,
    drawn: api.FPDFPage_CountObjects(page) > 0,
  };
  api.FPDF_ClosePage(page);
  return frame;
}

/** Null: PDFium cannot copy one of them. */
function copy({ api, withMemory, bytes }: Pdfium, document: number, frames: readonly PageFrame[]): Uint8Array | null {
  const part = api.FPDF_CreateNewDocument();
  const writer = api.PDFiumExt_OpenFileWriter();
  try {
    const range = frames.map(({ page_number }) => page_number).join(',');
    if (!api.FPDF_ImportPages(part, document, range, 0)) return null;
    if (!api.PDFiumExt_SaveAsCopy(part, writer)) return null;
    const size = api.PDFiumExt_GetFileWriterSize(writer);
    return withMemory(size, (pointer) => {
      api.PDFiumExt_GetFileWriterData(writer, pointer, size);
      return Uint8Array.from(bytes().subarray(pointer, pointer + size));
    });
  } finally {
    api.PDFiumExt_CloseFileWriter(writer);
    api.FPDF_CloseDocument(part);
  }
}
