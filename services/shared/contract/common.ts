/** Shapes that every part of the HTTP contract shares. */
import { z } from 'zod';

/** What PostgreSQL can store as text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the one character that it cannot
export const text = z.string().regex(/^[^\u0000]*$/, 'must not hold the character NUL');
/** A number of a page: what PostgreSQL's `integer` holds. */
export const pageNumberMax = 2_147_483_647;
/** Printable ASCII, as in the header draft; long enough for any UUID or hash. */
export const idempotencyKey = z.string().regex(/^[\x21-\x7e]{1,200}$/);

/** UUIDv7: sortable by creation. */
export const id = z.uuid();
export const timestamp = z.iso.datetime({ offset: true });

/** RFC 9457. `code` is stable and for programs; `title` and `detail` are for people. */
export const problem = z.object({
  type: z.string().default('about:blank'),
  title: z.string(),
  /** With code `yield` that word instead of 503, as every yield says it. */
  status: z.union([z.int(), z.literal('yield')]),
  code: z.string(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  /** Faults of single fields: where and what is allowed. */
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  /** With code `yield`: come back after this time. Our capacity, not the caller's quota. */
  retry_hint_ms: z.int().optional(),
});
export type Problem = z.output<typeof problem>;

/** An error on the routes that speak OpenAI's API; `code` is that of {@link problem}. */
export const openAiError = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    /** Which field of the request is at fault. */
    param: z.string().nullable(),
    code: z.string(),
  }),
  /** Of a yield alone: the same as in every other one. */
  status: z.literal('yield').optional(),
  retry_hint_ms: z.int().optional(),
});
export type OpenAiError = z.output<typeof openAiError>;

/** Keyset pagination: pass `next_cursor` back as `cursor`. Cursors are opaque. */
export const pageQuery = z.object({
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9_-]{0,200}$/)
    .optional(),
  /** @default 50 */
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export const list = <Item extends z.ZodType>(item: Item) =>
  z.object({ data: z.array(item), next_cursor: z.string().nullable() });

export const deleted = z.object({ id, deleted: z.literal(true) });

/** Header with the governor's token, of who also sends the backend a key, which takes `Authorization`. */
export const governorTokenHeader = 'x-governor-token';
