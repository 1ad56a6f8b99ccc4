/** Messages between the worker and a parser child. */
import type { MediaType } from '../../shared/contract/brain.ts';
import type { PackedPage } from '../../shared/storage/page-results.ts';
import type { RefusalCode } from './reader.ts';

export interface DocumentFile {
  readonly path: string;
  readonly mediaType: MediaType;
}

/**
 * Opens the document, unless it is open already, and reads the pages; none: only looks at it. It stops early, after the
 * first page at least, when one of the limits is reached.
 */
export interface ReadRequest extends DocumentFile {
  readonly pages: readonly number[];
  /** Of results as JSON. */
  readonly bytesMax: number;
  readonly msMax: number;
}

export type ChildMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'opened'; readonly pageCount: number }
  | { readonly type: 'page'; readonly page: PackedPage }
  /** The request is answered; `rssMiB` decides whether the child is used again. */
  | { readonly type: 'done'; readonly rssMiB: number }
  | { readonly type: 'refused'; readonly code: RefusalCode; readonly message: string };
