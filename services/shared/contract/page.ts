/** One page of a document, as the parser leaves it in the object store and as `GET /v1/documents/{d}/pages/{n}` shows it. */
import { z } from 'zod';

/**
 * A line of text: `[start, end, x0, y0, x1, y1]`. `start` and `end` are UTF-16 offsets into the page's text; the box is
 * in the page's own units (PDF points) from its top left corner, as displayed.
 */
export const lineBox = z.tuple([z.int(), z.int(), z.number(), z.number(), z.number(), z.number()]);
export type LineBox = z.output<typeof lineBox>;

/**
 * How a line is set: `[size, first, last]`. The size in page units, as displayed; the style of its first and last letter:
 * 0 plain, 1 bold, 2 italic, 3 monospaced. Tells headings and code from text.
 */
export const lineFont = z.tuple([z.number(), z.int(), z.int()]);
export type LineFont = z.output<typeof lineFont>;

export const pageImage = z.object({
  /** `[x0, y0, x1, y1]` in page units from the top left corner. */
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  width_px: z.int(),
  height_px: z.int(),
  /**
   * Its bytes are kept: `GET /v1/documents/{d}/pages/{n}/images/{i}`, by its place in this list from 0. `offset`: from the
   * first byte of the page's pictures.
   */
  stored: z
    .object({ media_type: z.enum(['image/png', 'image/jpeg']), offset: z.int().min(0), bytes: z.int().min(1) })
    .optional(),
});
export type PageImage = z.output<typeof pageImage>;

export const pageResult = z.object({
  /** 1-based. */
  page_number: z.int().min(1),
  text: z.string(),
  /** Empty for text and Markdown, which have no boxes. */
  lines: z.array(lineBox),
  /** One for each of `lines`; absent: read by a build before, or by a parser that does not know. */
  line_fonts: z.array(lineFont).optional(),
  images: z.array(pageImage),
  /** `unsupported`: this parser cannot find tables, which is not the same as finding none. */
  tables: z.object({
    status: z.enum(['off', 'unsupported', 'extracted']),
    items: z.array(z.array(z.array(z.string()))),
  }),
  metadata: z.object({
    parser: z.string(),
    /** Page size in page units; absent for text and Markdown. */
    width: z.number().optional(),
    height: z.number().optional(),
    /** Degrees, as displayed. */
    rotation: z.int().optional(),
    /** True when something is drawn on the page but it holds no text: it needs OCR. */
    scanned: z.boolean().optional(),
  }),
  /** Why this page could not be read; its text is then empty. */
  error: z.object({ code: z.enum(['timeout', 'crash', 'corrupt', 'too-large']), message: z.string() }).nullable(),
});
export type PageResult = z.output<typeof pageResult>;
export type PageError = NonNullable<PageResult['error']>;
