/** Scratch space of a service: `/tmp` in its container. Pure. */
import { definitionOf, type ServiceName } from '../../services/manifest.ts';

/** Sockets, temporary files of libraries, an index that is sorted: 15 MiB at 200,000 chunks. */
export const tmpMiBMin = 64;

/** Bytes of documents that a replica keeps on its own disk at once. 0: it keeps none. */
export function scratchBytes(service: ServiceName, uploadBytesMax: number): number {
  const { scratchUploads = 0 } = definitionOf(service);
  return scratchUploads * uploadBytesMax;
}

/** Size of `/tmp`. In a container it is memory, and counts against the budget; on Fargate it is disk. */
export function tmpMiB(service: ServiceName, uploadBytesMax: number): number {
  return tmpMiBMin + Math.ceil(scratchBytes(service, uploadBytesMax) / 2 ** 20);
}

/**
 * Least memory of a document-worker: its main process and each parser child at their peaks (`npm run bench -- ingest`:
 * 185 and 123 MiB, whatever the document's size), and `/tmp`. A page that needs more fails alone.
 */
export function workerMemoryMiBMin({ parserChildren, uploadBytesMax }: WorkerShape): number {
  return 192 + 128 * parserChildren + tmpMiB('document-worker', uploadBytesMax);
}

export interface WorkerShape {
  readonly parserChildren: number;
  readonly uploadBytesMax: number;
}
