/** One page of a PDF: text with a box per line, pictures with their boxes and sizes. */
import type { LineBox, LineFont, PageResult } from '../../../shared/contract/page.ts';
import { addImage, type ImageBytes, imagesMax } from '../images.ts';
import { failedPage, pageCharsMax, pageLinesMax, type ReadPage, withoutImages } from '../reader.ts';
import { imageFile } from './pdf-images.ts';
import { type Pdfium, pdfParser } from './pdfium.ts';

type Box = [x0: number, y0: number, x1: number, y1: number];
/** From the page's own coordinates to what is displayed: top left origin, turned and cropped. */
type ToDisplay = (left: number, bottom: number, right: number, top: number) => Box;

/** FPDF_PAGEOBJ_IMAGE (fpdf_edit.h). */
const imageObject = 3;

export function readPdfPage(pdfium: Pdfium, page: number, pageNumber: number, withBytes: boolean): ReadPage {
  const { api } = pdfium;
  const width = api.FPDF_GetPageWidthF(page);
  const height = api.FPDF_GetPageHeightF(page);
  const toDisplay = displayTransform(pdfium, page, width, height);
  const textPage = api.FPDFText_LoadPage(page);
  try {
    const chars = textPage ? Math.max(0, api.FPDFText_CountChars(textPage)) : 0;
    if (chars > pageCharsMax) {
      const message = `Page ${pageNumber} has ${chars} characters, allowed are ${pageCharsMax}.`;
      return withoutImages(failedPage(pageNumber, pdfParser, { code: 'too-large', message }));
    }
    const rawLines = rawText(pdfium, textPage, chars).split('\r\n');
    if (rawLines.length > pageLinesMax) {
      const message = `Page ${pageNumber} has ${rawLines.length} lines, allowed are ${pageLinesMax}.`;
      return withoutImages(failedPage(pageNumber, pdfParser, { code: 'too-large', message }));
    }
    const { text, lines, fonts } = readLines(pdfium, textPage, rawLines, toDisplay);
    const stored: ImageBytes = { parts: [], bytes: 0 };
    const images = readImages(pdfium, page, toDisplay, withBytes ? stored : null);
    const result: PageResult = {
      ...failedPage(pageNumber, pdfParser, null),
      text,
      lines,
      line_fonts: fonts,
      images,
      metadata: {
        parser: pdfParser,
        width: round(width),
        height: round(height),
        rotation: api.FPDFPage_GetRotation(page) * 90,
        // Also letters that are drawn as lines, and pictures inside other objects. A blank page lacks nothing.
        scanned: text.trim() === '' && api.FPDFPage_CountObjects(page) > 0,
      },
    };
    return { result, images: Buffer.concat(stored.parts) };
  } finally {
    if (textPage) api.FPDFText_ClosePage(textPage);
  }
}

function readLines(pdfium: Pdfium, textPage: number, rawLines: readonly string[], toDisplay: ToDisplay) {
  const lines: LineBox[] = [];
  const fonts: LineFont[] = [];
  const parts: string[] = [];
  const styleAt = styleReader(pdfium, textPage);
  let offset = 0;
  let place = 0;
  for (const raw of rawLines) {
    const line = clean(raw);
    const box = lineBox(pdfium, textPage, place, raw.length, toDisplay);
    if (box && line.trim()) {
      lines.push([offset, offset + line.length, ...box]);
      fonts.push(lineFont(pdfium, textPage, place, line, styleAt));
    }
    parts.push(line);
    offset += line.length + 1;
    place += raw.length + 2;
  }
  return { text: parts.join('\n'), lines, fonts };
}

/** As PDFium orders it, lines ending in CR LF. */
function rawText({ api, withMemory, bytes }: Pdfium, textPage: number, chars: number): string {
  if (chars === 0) return '';
  // Two UTF-16 units per character at most, and the closing zero.
  return withMemory(chars * 4 + 2, (pointer) => {
    const units = api.FPDFText_GetText(textPage, 0, chars, pointer);
    return Buffer.from(bytes().subarray(pointer, pointer + Math.max(0, units - 1) * 2)).toString('utf16le');
  });
}

/** Same length as given, so that offsets hold: a hyphen at a line's end comes as U+0002, and NUL cannot be stored. */
function clean(line: string): string {
  for (const [given, shown] of replacements) if (line.includes(given)) line = line.replaceAll(given, shown);
  return line.toWellFormed();
}

const replacements = [
  ['\u0002', '-'],
  ['\uFFFE', '-'],
  ['\0', ' '],
  ['\n', ' '],
  ['\r', ' '],
] as const;

/** The smallest box around a stretch of text; null when nothing of it is visible. */
function lineBox(pdfium: Pdfium, textPage: number, place: number, length: number, toDisplay: ToDisplay): Box | null {
  const { api, withMemory, double } = pdfium;
  if (length === 0) return null;
  const start = api.FPDFText_GetCharIndexFromTextIndex(textPage, place);
  const end = api.FPDFText_GetCharIndexFromTextIndex(textPage, place + length - 1);
  if (start < 0 || end < start) return null;
  const rectangles = api.FPDFText_CountRects(textPage, start, end - start + 1);
  return withMemory(32, (pointer) => {
    let box: Box | null = null;
    for (let index = 0; index < rectangles; index += 1) {
      // left, top, right, bottom
      if (!api.FPDFText_GetRect(textPage, index, pointer, pointer + 8, pointer + 16, pointer + 24)) continue;
      const next = toDisplay(double(pointer), double(pointer + 24), double(pointer + 16), double(pointer + 8));
      box = box ? around(box, next) : next;
    }
    return box;
  });
}

const styles = { plain: 0, bold: 1, italic: 2, monospaced: 3 } as const;
/** CSS counts from 600 as bold; PDFium estimates where the font does not say. */
const boldWeightMin = 600;
const nameBytesMax = 128;
/** The flags of a font's descriptor are often wrong about both; its name is chosen by people. */
const monospacedName = /mono|courier|consol|typewriter|menlo|cmtt|fixed|code/i;
const italicName = /ital|obli|slant|cmti|cmsl/i;
const boldName = /bold|black|heavy|medi$|cmbx/i;

function lineFont(
  pdfium: Pdfium,
  textPage: number,
  place: number,
  line: string,
  styleAt: (char: number) => number,
): LineFont {
  const first = line.length - line.trimStart().length;
  const last = line.trimEnd().length - 1;
  const [start, end] = [place + first, place + Math.max(first, last)].map((at) =>
    pdfium.api.FPDFText_GetCharIndexFromTextIndex(textPage, at),
  ) as [number, number];
  return [fontSize(pdfium, textPage, start), styleAt(start), styleAt(end)];
}

/** As displayed: many PDFs set a font of size 1 and scale it. */
function fontSize({ api, withMemory, float }: Pdfium, textPage: number, char: number): number {
  const scale = withMemory(24, (pointer) =>
    api.FPDFText_GetMatrix(textPage, char, pointer) ? Math.hypot(float(pointer + 8), float(pointer + 12)) : 1,
  );
  return round(Math.max(0, api.FPDFText_GetFontSize(textPage, char)) * (scale || 1));
}

/** A page has some fonts and many lines: each font is looked at once. */
function styleReader(pdfium: Pdfium, textPage: number): (char: number) => number {
  const { api } = pdfium;
  const known = new Map<number, number>();
  return (char) => {
    const object = api.FPDFText_GetTextObject(textPage, char);
    const font = object && api.FPDFTextObj_GetFont(object);
    // A space that PDFium adds between words has none.
    if (!font) return styles.plain;
    const style = known.get(font) ?? fontStyle(pdfium, textPage, char);
    known.set(font, style);
    return style;
  };
}

function fontStyle({ api, withMemory, bytes }: Pdfium, textPage: number, char: number): number {
  const name = withMemory(nameBytesMax + 4, (pointer) => {
    const length = api.FPDFText_GetFontInfo(textPage, char, pointer, nameBytesMax, pointer + nameBytesMax);
    if (length < 2 || length > nameBytesMax) return '';
    return Buffer.from(bytes().subarray(pointer, pointer + length - 1)).toString('latin1');
  });
  if (monospacedName.test(name)) return styles.monospaced;
  if (boldName.test(name) || api.FPDFText_GetFontWeight(textPage, char) >= boldWeightMin) return styles.bold;
  return italicName.test(name) ? styles.italic : styles.plain;
}

/** @param stored takes their bytes; null: their boxes are enough */
function readImages(pdfium: Pdfium, page: number, toDisplay: ToDisplay, stored: ImageBytes | null) {
  const { api, withMemory, float, int32 } = pdfium;
  const images: PageResult['images'] = [];
  const objects = api.FPDFPage_CountObjects(page);
  withMemory(16, (pointer) => {
    for (let index = 0; index < objects && images.length < imagesMax; index += 1) {
      const object = api.FPDFPage_GetObject(page, index);
      if (api.FPDFPageObj_GetType(object) !== imageObject) continue;
      if (!api.FPDFPageObj_GetBounds(object, pointer, pointer + 4, pointer + 8, pointer + 12)) continue;
      const box = toDisplay(float(pointer), float(pointer + 4), float(pointer + 8), float(pointer + 12));
      if (!api.FPDFImageObj_GetImagePixelSize(object, pointer, pointer + 4)) continue;
      const [width_px, height_px] = [int32(pointer), int32(pointer + 4)];
      const bytes = stored && imageFile(pdfium, object, width_px * height_px);
      images.push({ box, width_px, height_px, ...(stored && bytes && addImage(stored, bytes)) });
    }
  });
  return images;
}

/**
 * PDFium knows rotation, crop box and user unit; it answers in whole device pixels, so the page is laid out a thousand
 * times its size. The transform is affine: three points fix it.
 */
function displayTransform({ api, withMemory, int32 }: Pdfium, page: number, width: number, height: number): ToDisplay {
  const scale = 1000;
  const point = (x: number, y: number): [number, number] =>
    withMemory(8, (pointer) => {
      const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
      api.FPDF_PageToDevice(page, 0, 0, w, h, 0, x, y, pointer, pointer + 4);
      return [int32(pointer) / scale, int32(pointer + 4) / scale];
    });
  const unit = 1000;
  const [ox, oy] = point(0, 0);
  const [ax, ay] = point(unit, 0);
  const [bx, by] = point(0, unit);
  const map = (x: number, y: number): [number, number] => [
    ox + ((ax - ox) * x + (bx - ox) * y) / unit,
    oy + ((ay - oy) * x + (by - oy) * y) / unit,
  ];
  return (left, bottom, right, top) => {
    const [x0, y0] = map(left, bottom);
    const [x1, y1] = map(right, top);
    return [round(Math.min(x0, x1)), round(Math.min(y0, y1)), round(Math.max(x0, x1)), round(Math.max(y0, y1))];
  };
}

const around = (a: Box, b: Box): Box => [
  Math.min(a[0], b[0]),
  Math.min(a[1], b[1]),
  Math.max(a[2], b[2]),
  Math.max(a[3], b[3]),
];

/** A hundredth of a point is finer than any screen shows. */
const round = (value: number) => Math.round(value * 100) / 100;
