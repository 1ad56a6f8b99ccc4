/** Brains and their documents. */
import { z } from 'zod';
import { id, text, timestamp } from './common.ts';
import { job } from './job.ts';

export const brain = z.object({
  id,
  object: z.literal('brain'),
  name: z.string(),
  description: z.string(),
  /** Model that answers; null: the environment's. `extractive`: quotes only. */
  model: z.string().nullable(),
  /** Added to the rules that the model answers by. */
  instructions: z.string(),
  /** Whose vectors are searched. `next`: those that a reindex makes; they serve when every document has them. */
  embedding: z.object({
    model: z.string(),
    dimensions: z.int(),
    next: z.object({ model: z.string(), dimensions: z.int() }).nullable(),
  }),
  documents: z.int(),
  created_at: timestamp,
  updated_at: timestamp,
});
export type Brain = z.output<typeof brain>;

/** Half a page of rules, less than its passages take: they are paid for with every question. */
export const instructionsCharactersMax = 2000;

export const brainInput = z.strictObject({
  name: text.trim().min(1).max(120),
  description: text.trim().max(2000).default(''),
  model: text.trim().min(1).max(120).nullable().default(null),
  instructions: text.trim().max(instructionsCharactersMax).default(''),
});
export const brainPatch = z.strictObject({
  name: text.trim().min(1).max(120).optional(),
  description: text.trim().max(2000).optional(),
  model: text.trim().min(1).max(120).nullable().optional(),
  instructions: text.trim().max(instructionsCharactersMax).optional(),
});

export const mediaTypes = ['application/pdf', 'text/markdown', 'text/plain'] as const;
export type MediaType = (typeof mediaTypes)[number];

export const document = z.object({
  id,
  object: z.literal('document'),
  brain_id: id,
  name: z.string(),
  media_type: z.enum(mediaTypes),
  size_bytes: z.int(),
  sha256: z.string(),
  pages_total: z.int().nullable(),
  created_at: timestamp,
  /**
   * How a question finds it: by its words (`text`), by its words while vectors are being made (`improving`), by words and
   * meaning (`full`). Null until it has been read.
   */
  search: z.enum(['text', 'improving', 'full']).nullable(),
  /** The job that last worked on it: its state is the document's state. */
  job,
});
export type Document = z.output<typeof document>;

const flag = z.enum(['true', 'false']).transform((given) => given === 'true');

/** What is wanted of a document beside its text. The same bytes again keep what the first upload asked for. */
export const uploadQuery = z.object({
  /** Keep the bytes of pictures, not only their boxes. @default true */
  extract_images: flag.default(true),
  /** Give the cells of tables; not every parser can. @default false */
  extract_tables: flag.default(false),
});

/** `200` instead of `202`: the same content is in this brain already. */
export const existingDocument = z.object({ deduplicated: z.literal(true), document });
