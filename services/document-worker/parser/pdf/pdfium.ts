/** PDFium as WebAssembly, and the little memory work that calling it needs. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { init, type WrappedPdfiumModule } from '@embedpdf/pdfium';

/** Names the parser in page results. */
export const pdfParser = 'pdfium';

export interface Pdfium {
  readonly api: WrappedPdfiumModule;
  /** Runs with `bytes` of scratch memory, freed afterwards. */
  withMemory<Result>(bytes: number, use: (pointer: number) => Result): Result;
  /** Views of the whole memory; they change when it grows, so take one anew after each call. */
  bytes(): Uint8Array;
  double(pointer: number): number;
  int32(pointer: number): number;
  float(pointer: number): number;
}

export async function loadPdfium(): Promise<Pdfium> {
  const wasm = readFileSync(createRequire(import.meta.url).resolve('@embedpdf/pdfium/pdfium.wasm'));
  const api = await init({ wasmBinary: wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length) });
  api.PDFiumExt_Init();
  const { wasmExports, getValue } = api.pdfium;
  return {
    api,
    withMemory: (bytes, use) => {
      const pointer = wasmExports.malloc(bytes);
      if (pointer === 0) throw new Error(`PDFium has no ${bytes} bytes left`);
      try {
        return use(pointer);
      } finally {
        wasmExports.free(pointer);
      }
    },
    bytes: () => (api.pdfium as unknown as { HEAPU8: Uint8Array }).HEAPU8,
    double: (pointer) => getValue(pointer, 'double') as number,
    float: (pointer) => getValue(pointer, 'float') as number,
    int32: (pointer) => getValue(pointer, 'i32') as number,
  };
}
