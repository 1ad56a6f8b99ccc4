/** Documents for the flows: real manuals from Debian's r-doc-pdf, and small ones made on the spot. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PDFDocument, StandardFonts } from 'pdf-lib';

const manuals = '/usr/share/R/doc/manual';
/** Over 2,000 pages. */
export const hugePdf = join(manuals, 'fullrefman.pdf');
/** About 100 pages. */
export const manualPdf = join(manuals, 'R-intro.pdf');
export const lacksManuals = existsSync(hugePdf) ? null : "Debian's r-doc-pdf is not installed";
export const lacksQpdf = ((): string | null => {
  try {
    execFileSync('qpdf', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return "Debian's qpdf is not installed";
  }
})();

/** A PDF with one paragraph per page. */
export async function writePdf(path: string, pages: readonly string[]): Promise<string> {
  const pdf = await PDFDocument.create();
  const font = await pdf.embedFont(StandardFonts.Helvetica);
  for (const text of pages)
    pdf.addPage([595, 842]).drawText(text, { x: 50, y: 760, size: 12, font, maxWidth: 495, lineHeight: 18 });
  await writeFile(path, await pdf.save());
  return path;
}

/** Pages that are one picture each, as a scanner makes them, then pages of text. */
export async function writePictures(path: string, pictures: number, texts: readonly string[]): Promise<string> {
  await writeFile(path, await picturePdf(pictures, texts));
  return path;
}

export async function picturePdf(pictures: number, texts: readonly string[] = []): Promise<Uint8Array> {
  const pdf = await PDFDocument.create();
  const onePixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const image = await pdf.embedPng(onePixel);
  for (let page = 0; page < pictures; page += 1)
    pdf.addPage([200, 100]).drawImage(image, { x: 10, y: 20, width: 100, height: 50 });
  const font = await pdf.embedFont(StandardFonts.Helvetica);
  for (const text of texts) pdf.addPage([595, 842]).drawText(text, { x: 50, y: 760, size: 12, font });
  return pdf.save();
}

/** Its first pages alone. */
export const firstPages = (source: string, pages: number): Buffer =>
  execFileSync('qpdf', [source, '--pages', '.', `1-${pages}`, '--', '-'], { maxBuffer: 64 * 1024 * 1024 });

export async function writeEncryptedPdf(path: string, source: string): Promise<string> {
  execFileSync('qpdf', ['--encrypt', 'secret', 'owner', '256', '--', source, path]);
  return path;
}

/** The first half of a PDF: no cross-reference table, no trailer. */
export async function writeTruncatedPdf(path: string, source: string): Promise<string> {
  const bytes = await readFile(source);
  await writeFile(path, bytes.subarray(0, Math.floor(bytes.length / 2)));
  return path;
}
