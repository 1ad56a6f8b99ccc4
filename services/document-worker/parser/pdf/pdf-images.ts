/** A picture of a PDF as a file: a JPEG as it stands in the document, everything else as PNG by PDFium's own encoder. */
import type { Pdfium } from './pdfium.ts';

/** A picture of more pixels keeps its box alone: it is held twice here, as RGBA 16 MiB each, of a child's budget of 128. */
const pixelsMax = 4_000_000;
/** Bytes of a JPEG in a document; more than a page may store is not copied. */
const jpegBytesMax = 8 * 1024 * 1024;
const filterBytesMax = 32;
/** Of zlib: half the time of its default, and little more bytes. */
const compression = 3;

export function imageFile(pdfium: Pdfium, object: number, pixels: number): Uint8Array | null {
  if (isJpeg(pdfium, object)) return rawBytes(pdfium, object);
  return pixels > 0 && pixels <= pixelsMax ? pngOf(pdfium, object) : null;
}

/** Its only filter is JPEG's: its data are a file already. */
function isJpeg({ api, withMemory, bytes }: Pdfium, object: number): boolean {
  if (api.FPDFImageObj_GetImageFilterCount(object) !== 1) return false;
  return withMemory(filterBytesMax, (pointer) => {
    const length = api.FPDFImageObj_GetImageFilter(object, 0, pointer, filterBytesMax);
    return Buffer.from(bytes().subarray(pointer, pointer + Math.max(0, length - 1))).toString('latin1') === 'DCTDecode';
  });
}

function rawBytes({ api, withMemory, bytes }: Pdfium, object: number): Uint8Array | null {
  const size = api.FPDFImageObj_GetImageDataRaw(object, 0, 0);
  if (size === 0 || size > jpegBytesMax) return null;
  return withMemory(size, (pointer) => {
    api.FPDFImageObj_GetImageDataRaw(object, pointer, size);
    return Uint8Array.from(bytes().subarray(pointer, pointer + size));
  });
}

/** Bytes of a pixel by FPDFBitmap_GetFormat (fpdfview.h): gray, BGR, BGRx, BGRA. */
const pixelBytes: Readonly<Record<number, number>> = { 1: 1, 2: 3, 3: 4, 4: 4 };
const withAlpha = 4;

function pngOf({ api, withMemory, bytes, int32 }: Pdfium, object: number): Uint8Array | null {
  const bitmap = api.FPDFImageObj_GetBitmap(object);
  if (!bitmap) return null;
  try {
    const [width, height] = [api.FPDFBitmap_GetWidth(bitmap), api.FPDFBitmap_GetHeight(bitmap)];
    const [stride, format] = [api.FPDFBitmap_GetStride(bitmap), api.FPDFBitmap_GetFormat(bitmap)];
    const step = pixelBytes[format];
    if (!step || width * height > pixelsMax) return null;
    return withMemory(width * height * 4 + 4, (rgba) => {
      const [memory, source] = [bytes(), api.FPDFBitmap_GetBuffer(bitmap)];
      for (let y = 0, to = rgba + 4; y < height; y += 1)
        for (let x = 0, from = source + y * stride; x < width; x += 1, from += step, to += 4) {
          memory[to] = memory[from + (step > 1 ? 2 : 0)] as number;
          memory[to + 1] = memory[from + (step > 1 ? 1 : 0)] as number;
          memory[to + 2] = memory[from] as number;
          memory[to + 3] = format === withAlpha ? (memory[from + 3] as number) : 255;
        }
      const size = api.EPDF_PNG_EncodeRGBA(rgba + 4, width, height, width * 4, compression, rgba);
      const png = int32(rgba);
      if (!size || !png) return null;
      try {
        return Uint8Array.from(bytes().subarray(png, png + size));
      } finally {
        api.pdfium.wasmExports.free(png);
      }
    });
  } finally {
    api.FPDFBitmap_Destroy(bitmap);
  }
}
