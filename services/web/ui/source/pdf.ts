/** pdf.js: opens a document over Range requests, and keeps the last one open. Loaded only with the first PDF page. */
import { GlobalWorkerOptions, getDocument, type PDFDocumentProxy, PDFWorker, version } from 'pdfjs-dist';
import workerUrl from 'pdfjs-dist/build/pdf.worker.min.mjs?url';

GlobalWorkerOptions.workerSrc = workerUrl;

let worker: PDFWorker | undefined;
let current: { document: string; opening: Promise<PDFDocumentProxy>; close: () => void } | undefined;

export interface Loaded {
  /** Bytes. */
  readonly loaded: number;
  readonly total: number;
}

/** Starts the worker before it is needed. */
export function warmUp(): void {
  worker ??= new PDFWorker();
}

/** One document is open at a time: its pages share a parser, and memory stays bounded. */
export function openPdf(document: string, onProgress: (progress: Loaded) => void): Promise<PDFDocumentProxy> {
  if (current?.document === document) return current.opening;
  current?.close();
  warmUp();
  const data = `/assets/pdfjs-${version}`;
  const task = getDocument({
    url: `/v1/documents/${document}/file`,
    worker,
    // Only what the page needs: fewer, larger requests measured best at this size.
    rangeChunkSize: 256 * 1024,
    disableAutoFetch: true,
    disableStream: true,
    // The policy of this page forbids WebAssembly.
    useWasm: false,
    wasmUrl: `${data}/wasm/`,
    cMapUrl: `${data}/cmaps/`,
    standardFontDataUrl: `${data}/standard_fonts/`,
    iccUrl: `${data}/iccs/`,
    enableXfa: false,
  });
  task.onProgress = ({ loaded, total }: Loaded) => onProgress({ loaded, total });
  current = { document, opening: task.promise, close: () => void task.destroy() };
  task.promise.catch(() => {
    if (current?.document === document) current = undefined;
  });
  return current.opening;
}
