/** Documents that do harm by their size. */
import { randomBytes } from 'node:crypto';
import { createDeflate } from 'node:zlib';
import { PDFDocument, PDFName, PDFNumber, PDFRawStream, StandardFonts } from 'pdf-lib';

/** Above what a parser child may take, below what its library gives up at (1 GiB). */
const bombMiB = 800;

/** Three pages; the content of the second unpacks to 800 MiB of blanks. */
export async function bombPdf(): Promise<Uint8Array> {
  const pdf = await PDFDocument.create();
  const font = await pdf.embedFont(StandardFonts.Helvetica);
  for (const text of ['first', 'second', 'third'])
    pdf.addPage([595, 842]).drawText(text, { x: 50, y: 760, size: 12, font });
  const dictionary = pdf.context.obj({});
  dictionary.set(PDFName.of('Filter'), PDFName.of('FlateDecode'));
  const bomb = await deflatedBlanks(bombMiB);
  dictionary.set(PDFName.of('Length'), PDFNumber.of(bomb.length));
  pdf.getPage(1).node.set(PDFName.of('Contents'), pdf.context.register(PDFRawStream.of(dictionary, bomb)));
  return pdf.save({ useObjectStreams: false });
}

/** One page, and an attachment that nothing makes smaller. */
export async function heavyPdf(bytes: number): Promise<Uint8Array> {
  const pdf = await PDFDocument.create();
  const font = await pdf.embedFont(StandardFonts.Helvetica);
  pdf.addPage([595, 842]).drawText('one page', { x: 50, y: 760, size: 12, font });
  await pdf.attach(randomBytes(bytes), 'attachment.bin');
  return pdf.save({ useObjectStreams: false });
}

async function deflatedBlanks(mib: number): Promise<Buffer> {
  const deflate = createDeflate({ level: 1 });
  const blanks = Buffer.alloc(1024 * 1024, ' ');
  const parts: Buffer[] = [];
  deflate.on('data', (part: Buffer) => parts.push(part));
  const ended = new Promise((resolve, reject) => deflate.once('end', resolve).once('error', reject));
  for (let written = 0; written < mib; written++)
    if (!deflate.write(blanks)) await new Promise((resolve) => deflate.once('drain', resolve));
  deflate.end();
  await ended;
  return Buffer.concat(parts);
}
