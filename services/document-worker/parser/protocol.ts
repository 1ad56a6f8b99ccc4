/** Messages between the worker and a parser child. */
import type { MediaType } from '../../shared/contract/brain.ts';
import type { PackedPage } from '../../shared/storage/page-results.ts';
import type { PdfPart, RefusalCode } from './reader.ts';
import type { PageFrame } from './remote/page-frame.ts';

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
  /** Whether the bytes of pictures are wanted, not only their boxes. @default false */
  readonly images?: boolean;
  /** Whether tables are wanted. @default false */
  readonly tables?: boolean;
}

/** Copies pages of a PDF into one of their own: as many of the first as fit `bytesMax`. */
export interface CutRequest extends DocumentFile {
  readonly cut: readonly number[];
  readonly bytesMax: number;
}

/** Makes page results of a provider's answer, which is as hostile as a document. */
export interface ConvertRequest {
  readonly convert: RemoteFormat;
  readonly answer: Uint8Array;
  /** The pages that were sent, in their order there. */
  readonly frames: readonly PageFrame[];
  readonly images: boolean;
  readonly tables: boolean;
}

export type RemoteFormat = 'docling' | 'unstructured';
export type ChildRequest = ReadRequest | CutRequest | ConvertRequest;

export type ChildMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'opened'; readonly pageCount: number }
  | { readonly type: 'page'; readonly page: PackedPage }
  | { readonly type: 'part'; readonly part: PdfPart }
  /** A provider's answer is not what its format promises. */
  | { readonly type: 'unusable'; readonly message: string }
  /** The request is answered; `rssMiB` decides whether the child is used again. */
  | { readonly type: 'done'; readonly rssMiB: number }
  | { readonly type: 'refused'; readonly code: RefusalCode; readonly message: string };
