/**
 * Internal calls to the vectorstore tier. Each carries a service token (service-token.ts) whose brain must be the brain
 * in the path.
 */
import { z } from 'zod';
import { id } from './common.ts';

/** Chunks of one upsert: bounds a request at about 8 MB. A larger document is several requests, one commit each. */
export const chunksPerUpsertMax = 1000;
/** Passages of one search. */
export const hitsMax = 50;

export const chunk = z.object({
  /** `{document}:{page}:{place on the page}`: the same text gets the same id, so repeating an upsert is harmless. */
  id: z.string().max(80),
  page_number: z.int().min(1),
  /** UTF-16 offsets in the page's text. */
  start: z.int().min(0),
  end: z.int().min(0),
  text: z.string(),
  vector: z.array(z.number()),
});
export type Chunk = z.output<typeof chunk>;

/**
 * Of the index run or the deletion that writes, in milliseconds (`documents.index_epoch`). What an older one writes is
 * refused with 409, however late it arrives; its rows make way for those of a newer one.
 */
const epoch = z.int().min(0);

export const upsertBody = z.object({
  epoch,
  dimensions: z.int().min(1).max(4096),
  chunks: z.array(chunk).max(chunksPerUpsertMax),
});
export const upsertAnswer = z.object({ chunks: z.int() });
export const deleteDocumentBody = z.object({ epoch });

/** As stored, without the vector. */
export const storedChunk = chunk.omit({ vector: true });
export type StoredChunk = z.output<typeof storedChunk>;
export const documentsAnswer = z.object({ documents: z.array(id) });
export const readBody = z.object({ first_page: z.int().min(1), last_page: z.int().min(1) });
export const readAnswer = z.object({ chunks: z.array(storedChunk) });

export const searchBody = z.object({
  query: z.string().min(1).max(10_000),
  vector: z.array(z.number()),
  limit: z.int().min(1).max(hitsMax),
  /** Only these documents; absent: all of the brain. */
  document_ids: z.array(id).max(1000).optional(),
});
export const hit = chunk.omit({ vector: true }).extend({
  document_id: id,
  /** Reciprocal rank fusion of full text and vectors: higher is better, comparable within one answer only. */
  score: z.number(),
  /** Cosine similarity to the query, -1 to 1; null when only full text found it. */
  similarity: z.number().nullable(),
});
export type Hit = z.output<typeof hit>;
export const searchAnswer = z.object({ hits: z.array(hit) });

/** `POST` each; paths relative to VECTORSTORE_URL. */
export const vectorstorePaths = {
  upsert: (brain: string, document: string) => `/brains/${brain}/documents/${document}/chunks`,
  /** Removes every chunk of the document up to the epoch; called before a re-index too. */
  deleteDocument: (brain: string, document: string) => `/brains/${brain}/documents/${document}/delete`,
  /** Text of removed rows leaves the store: files, old versions, and what the object store keeps of both. */
  purge: (brain: string) => `/brains/${brain}/purge`,
  deleteBrain: (brain: string) => `/brains/${brain}/delete`,
  search: (brain: string) => `/brains/${brain}/search`,
  /** Ids of the documents that have chunks. */
  documents: (brain: string) => `/brains/${brain}/documents`,
  /** Chunks of a document's pages, for the conservation check. */
  read: (brain: string, document: string) => `/brains/${brain}/documents/${document}/read`,
};
