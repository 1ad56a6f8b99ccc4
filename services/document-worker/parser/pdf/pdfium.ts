/** PDFium as WebAssembly, and the little memory work that calling it needs. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { init, type WrappedPdfiumModule } from '@embedpdf/pdfium';

/** Names the parser in page results. */
export const pdfParser = 'pdfium';

/**
 * Called for every line or object of a page. The package's own wrappers look at each argument of each call, a tenth of the
 * time of a page; what takes numbers alone needs none. True comes as 1.
 */
const numericNames = [
  'FPDFPage_GetObject',
  'FPDFPageObj_GetBounds',
  'FPDFPageObj_GetType',
  'FPDFText_CountRects',
  'FPDFText_GetCharIndexFromTextIndex',
  'FPDFText_GetFontInfo',
  'FPDFText_GetFontSize',
  'FPDFText_GetFontWeight',
  'FPDFText_GetMatrix',
  'FPDFText_GetRect',
  'FPDFText_GetTextObject',
  'FPDFTextObj_GetFont',
] as const;
type NumericName = (typeof numericNames)[number];
type Numeric = Record<NumericName, (...values: number[]) => number>;

export interface Pdfium {
  readonly api: Omit<WrappedPdfiumModule, NumericName> & Numeric;
  /** Runs with `bytes` of scratch memory, freed afterwards. */
  withMemory<Result>(bytes: number, use: (pointer: number) => Result): Result;
  /** View of the whole memory; it changes when that grows, so take one anew after each call. */
  bytes(): Uint8Array;
  double(pointer: number): number;
  int32(pointer: number): number;
  float(pointer: number): number;
}

/** What a line needs, several times over; a page's text is allocated by itself. */
const scratchBytes = 4096;
/** Of numbers that PDFium writes. */
const alignment = 8;

export async function loadPdfium(): Promise<Pdfium> {
  const wasm = readFileSync(createRequire(import.meta.url).resolve('@embedpdf/pdfium/pdfium.wasm'));
  const module = await init({ wasmBinary: wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length) });
  module.PDFiumExt_Init();
  const { wasmExports, getValue } = module.pdfium;
  const numeric = Object.fromEntries(
    numericNames.map((name) => [name, (wasmExports as unknown as Numeric)[name]]),
  ) as Numeric;
  const scratch = wasmExports.malloc(scratchBytes);
  let used = 0;
  return {
    api: { ...module, ...numeric },
    withMemory: (bytes, use) => {
      const before = used;
      const isSmall = used + bytes <= scratchBytes;
      const pointer = isSmall ? scratch + used : wasmExports.malloc(bytes);
      if (pointer === 0) throw new Error(`PDFium has no ${bytes} bytes left`);
      if (isSmall) used += Math.ceil(bytes / alignment) * alignment;
      try {
        return use(pointer);
      } finally {
        if (isSmall) used = before;
        else wasmExports.free(pointer);
      }
    },
    bytes: () => (module.pdfium as unknown as { HEAPU8: Uint8Array }).HEAPU8,
    double: (pointer) => getValue(pointer, 'double') as number,
    float: (pointer) => getValue(pointer, 'float') as number,
    int32: (pointer) => getValue(pointer, 'i32') as number,
  };
}
