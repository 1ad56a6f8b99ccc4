/** OpenAI's `POST /v1/embeddings`, as the embedding tier speaks it. https://platform.openai.com/docs/api-reference/embeddings */
import { z } from 'zod';

export const embeddingPath = '/v1/embeddings';

/** Texts of one request. */
export const textsMax = 128;
/** Of one text, in UTF-16: a question, a sentence, a heading. At most about as many tokens, 40 KB of memory each. */
export const textCharactersMax = 2000;
/** Of all texts of a request: about half a second of one CPU. */
export const requestCharactersMax = 40_000;

const text = z
  .string('must be a string; tokens are not taken')
  .min(1, 'must not be empty')
  .max(textCharactersMax, {
    error: ({ input }) => `has ${(input as string).length} characters, allowed are ${textCharactersMax}`,
  });

const texts = z
  .array(text)
  .min(1, 'must hold at least one string')
  .max(textsMax, { error: ({ input }) => `holds ${(input as unknown[]).length} strings, allowed are ${textsMax}` })
  .refine((given) => characters(given) <= requestCharactersMax, {
    error: ({ input }) =>
      `holds ${characters(input as string[])} characters in all, allowed are ${requestCharactersMax}: send fewer at once`,
  });

const characters = (given: readonly string[]) => given.reduce((sum, { length }) => sum + length, 0);

export const embeddingBody = z.object({
  model: z.string(),
  input: z.preprocess((given) => (typeof given === 'string' ? [given] : given), texts),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  dimensions: z.int().optional(),
  user: z.string().optional(),
});

export const embeddingAnswer = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: z.int(),
      /** Base64: of the numbers as 32-bit floats, little-endian. */
      embedding: z.union([z.array(z.number()), z.string()]),
    }),
  ),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
});
