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
/** A document's name and some levels of headings; what is longer is no heading. */
export const headingCharsMax = 500;
/** Between a heading and the one below it, and between headings of one chunk. */
export const headingJoins = { below: ' > ', beside: ' | ' };
export const headingBreak = / > | \| /;
/** The heading, and each sentence of a chunk of 1,200 characters. */
export const sentencesMax = 64;
const dimensionsMax = 4096;

/** Normalized, so that cosine is a product. Of the whole chunk: the mean of its sentences, where there are such. */
const vector = z.array(z.number()).max(dimensionsMax);
/** One byte per number: a normalized vector times 127, signed. The heading's first, then each sentence's; base64. */
const sentenceVectors = z
  .base64()
  .max(Math.ceil((sentencesMax * dimensionsMax) / 3) * 4)
  .transform((text) => Buffer.from(text, 'base64'));

export const chunk = z.object({
  /** `{document}:{page}:{place on the page}`: the same text gets the same id, so repeating an upsert is harmless. */
  id: z.string().max(80),
  page_number: z.int().min(1),
  /** UTF-16 offsets in the page's text. */
  start: z.int().min(0),
  end: z.int().min(0),
  text: z.string(),
  /** Where the text stands: the document's title and the headings above it. Searched beside the text, counting more. */
  heading: z.string().max(headingCharsMax).default(''),
  /** Absent: found by full text alone. */
  vector: vector.optional(),
  sentence_vectors: sentenceVectors.optional(),
});
export type Chunk = z.output<typeof chunk>;
/** As it is sent. */
export type ChunkInput = z.input<typeof chunk>;

/** Of which vectors there are columns: those of one model are never compared with those of another. */
const model = z.string().min(1).max(200).optional();
const dimensions = z.int().min(1).max(dimensionsMax);

/**
 * Of the index run or the deletion that writes, in milliseconds (`documents.index_epoch`). What an older one writes is
 * refused with 409, however late it arrives; its rows make way for those of a newer one.
 */
const epoch = z.int().min(0);

export const upsertBody = z.object({
  epoch,
  model,
  /** Absent when no chunk has a vector. */
  dimensions: dimensions.optional(),
  chunks: z.array(chunk).max(chunksPerUpsertMax),
});
export const upsertAnswer = z.object({ chunks: z.int() });
/** Documents of which rows were removed that should not have been there, and whether the table was changed. */
export const compactAnswer = z.object({ documents_swept: z.int(), compacted: z.boolean() });
export const deleteDocumentBody = z.object({ epoch });

/** Vectors of chunks that are there already, beside those of other models. */
export const vectorsBody = z.object({
  epoch,
  model,
  dimensions,
  vectors: z
    .array(chunk.pick({ id: true, sentence_vectors: true }).extend({ vector }))
    .min(1)
    .max(chunksPerUpsertMax),
});
/** Chunks that were found; the others are gone, or of a newer run. */
export const vectorsAnswer = z.object({ chunks: z.int() });

/** As stored, without the vectors. */
export const storedChunk = chunk.omit({ vector: true, sentence_vectors: true });
export type StoredChunk = z.output<typeof storedChunk>;
export const documentsAnswer = z.object({ documents: z.array(id) });
export const readBody = z.object({
  first_page: z.int().min(1),
  last_page: z.int().min(1),
  /** Of which vectors it is told whether a chunk has them. */
  model,
  dimensions: dimensions.optional(),
});
export const readAnswer = z.object({ chunks: z.array(storedChunk.extend({ has_vector: z.boolean().default(false) })) });

export const searchBody = z.object({
  query: z.string().min(1).max(10_000),
  /** Absent, or of a model that the brain has no vectors of: full text alone. */
  vector: vector.optional(),
  model,
  limit: z.int().min(1).max(hitsMax),
  /** Only these documents; absent: all of the brain. */
  document_ids: z.array(id).max(1000).optional(),
});
export const hit = storedChunk.extend({
  document_id: id,
  /** Full text and vectors together: higher is better, comparable within one answer only. */
  score: z.number(),
  /** BM25 of text and heading; 0 when only the vectors found it. */
  text_score: z.number().default(0),
  /** Cosine of the query and the nearest sentence, -1 to 1; null without vectors. */
  similarity: z.number().nullable(),
});
export type Hit = z.output<typeof hit>;
export const searchAnswer = z.object({ hits: z.array(hit) });

/** `POST` each; paths relative to VECTORSTORE_URL. */
export const vectorstorePaths = {
  upsert: (brain: string, document: string) => `/brains/${brain}/documents/${document}/chunks`,
  /** Adds vectors to chunks that are there. */
  vectors: (brain: string, document: string) => `/brains/${brain}/documents/${document}/vectors`,
  /** Removes every chunk of the document up to the epoch; called before a re-index too. */
  deleteDocument: (brain: string, document: string) => `/brains/${brain}/documents/${document}/delete`,
  /** Text of removed rows leaves the store: files, old versions, and what the object store keeps of both. */
  purge: (brain: string) => `/brains/${brain}/purge`,
  /** Rows that have no business there go, files are merged, old versions removed. */
  compact: (brain: string) => `/brains/${brain}/compact`,
  deleteBrain: (brain: string) => `/brains/${brain}/delete`,
  search: (brain: string) => `/brains/${brain}/search`,
  /** Ids of the documents that have chunks. */
  documents: (brain: string) => `/brains/${brain}/documents`,
  /** Chunks of a document's pages. */
  read: (brain: string, document: string) => `/brains/${brain}/documents/${document}/read`,
};
