/** Documents for the worker's tests, made on the spot. */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { deflateSync } from 'node:zlib';
import { degrees, PDFDocument, StandardFonts } from 'pdf-lib';

/** One line of text per page, 50 points from the left and 42 from the top, turned as asked. */
export async function pdfOf(texts: readonly string[], { rotation = 0 } = {}): Promise<Uint8Array> {
  const pdf = await PDFDocument.create();
  const font = await pdf.embedFont(StandardFonts.Helvetica);
  for (const text of texts) {
    const page = pdf.addPage([595, 842]);
    page.setRotation(degrees(rotation));
    page.drawText(text, { x: 50, y: 800, size: 12, font });
  }
  return pdf.save();
}

/** Three pages; the second is named in the page tree but is not in the file. Korean text in the font's own encoding. */
export function brokenKoreanPdf(text: string): Buffer {
  const hex = Buffer.from(text, 'utf16le').swap16().toString('hex');
  const content = `BT /F1 14 Tf 50 750 Td <${hex}> Tj ET`;
  const page = (contents: string) =>
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${contents} /Resources << /Font << /F1 6 0 R >> >> >>`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R 99 0 R 4 0 R] /Count 3 >>',
    page('5 0 R'),
    page('5 0 R'),
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    '<< /Type /Font /Subtype /Type0 /BaseFont /HYSMyeongJo-Medium /Encoding /UniKS-UCS2-H /DescendantFonts [7 0 R] >>',
    '<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HYSMyeongJo-Medium /CIDSystemInfo << /Registry (Adobe) /Ordering (Korea1) /Supplement 1 >> /FontDescriptor 8 0 R >>',
    '<< /Type /FontDescriptor /FontName /HYSMyeongJo-Medium /Flags 6 /FontBBox [0 -148 1001 880] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 720 /StemV 60 >>',
  ];
  return pdfFile(objects);
}

/** Pages of so many short lines each, every one inside the page: a small file with a great many boxes. */
export function crowdedPdf(pages: number, lines: number): Buffer {
  const leading = 800 / lines;
  const object = 4;
  const streams = Array.from({ length: pages }, (_, page) => {
    const text = Array.from({ length: lines }, (_, line) => `(${(line + page) % 1000})'`).join('\n');
    return deflateSync(`BT /F1 ${leading * 0.8} Tf ${leading} TL 50 820 Td\n${text}\nET`).toString('latin1');
  });
  const kids = streams.map((_, page) => `${object + page * 2} 0 R`).join(' ');
  return pdfFile([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count ${pages} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...streams.flatMap((stream, page) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${object + page * 2 + 1} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
      `<< /Length ${stream.length} /Filter /FlateDecode >>\nstream\n${stream}\nendstream`,
    ]),
  ]);
}

const fonts = ['Helvetica', 'Helvetica-Bold', 'Helvetica-Oblique', 'Courier'];

/** Each heading in a size and fonts of its own, on more pages than a layout is learned from; then a page of `last` headings. */
export function styledPdf(last: number): Buffer {
  const page = (headings: readonly (readonly [size: number, first: number, last: number])[]) => {
    let y = 0;
    const at = (size: number) => {
      y -= size * 2;
      return `1 0 0 1 10 ${y} Tm`;
    };
    const lines = headings.map(
      ([size, a, b]) => `/F${a} ${size} Tf ${at(size)} (heading) Tj /F${b} ${size} Tf (words) Tj`,
    );
    const body = Array.from({ length: 20 }, () => `/F0 10 Tf ${at(20)} (${'body text of the page. '.repeat(30)}) Tj`);
    return deflateSync(`BT\n${[...lines, ...body].join('\n')}\nET`).toString('latin1');
  };
  const style = (of: number) => [20 + (of >> 4), of & 3, (of >> 2) & 3] as const;
  const streams = Array.from({ length: 64 }, (_, index) =>
    page(Array.from({ length: 470 }, (_, heading) => style(index * 470 + heading))),
  );
  streams.push(page(Array.from({ length: last }, () => [13, 0, 0])));
  const object = 3 + fonts.length;
  const kids = streams.map((_, index) => `${object + index * 2} 0 R`).join(' ');
  const resources = fonts.map((_, index) => `/F${index} ${3 + index} 0 R`).join(' ');
  return pdfFile([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count ${streams.length} >>`,
    ...fonts.map((name) => `<< /Type /Font /Subtype /Type1 /BaseFont /${name} >>`),
    ...streams.flatMap((stream, index) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${object + index * 2 + 1} 0 R /Resources << /Font << ${resources} >> >> >>`,
      `<< /Length ${stream.length} /Filter /FlateDecode >>\nstream\n${stream}\nendstream`,
    ]),
  ]);
}

/** Objects by number, the first is the catalog. */
function pdfFile(objects: readonly string[]): Buffer {
  let file = '%PDF-1.4\n';
  const places = objects.map((object, index) => {
    const place = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(place).padStart(10, '0')} 00000 n \n`;
  });
  const size = objects.length + 1;
  return Buffer.from(
    `${file}xref\n0 ${size}\n0000000000 65535 f \n${places.join('')}trailer << /Size ${size} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`,
    'latin1',
  );
}

/** @throws when qpdf is not installed */
export async function encrypt(path: string, pdf: Uint8Array): Promise<string> {
  await writeFile(`${path}.plain`, pdf);
  execFileSync('qpdf', ['--encrypt', 'secret', 'owner', '256', '--', `${path}.plain`, path]);
  return path;
}
