/** Text to vectors, by the embedding tier or any other that speaks OpenAI's `/embeddings`. */
import type { MeteredAccount } from '../scheduler/meters.ts';
import type { Embedder, EmbedderOptions, Embedding, EmbeddingSettings } from './embedder.ts';
import { remoteEmbedder } from './remote-embedding.ts';

export { builtInEmbedding, type EmbedCall, type Embedder, type Embedding, type EmbeddingSettings } from './embedder.ts';

/** The model that an environment embeds with. */
export const configuredEmbedding = (
  settings: Pick<EmbeddingSettings, 'EMBEDDING_MODEL' | 'EMBEDDING_DIMENSIONS'>,
): Embedding => ({ model: settings.EMBEDDING_MODEL, dimensions: settings.EMBEDDING_DIMENSIONS });

/** The account at its provider, for a meter. */
export const embeddingAccount = (
  settings: Pick<EmbeddingSettings, 'EMBEDDING_REQUESTS_PER_MINUTE' | 'EMBEDDING_TOKENS_PER_MINUTE'>,
): MeteredAccount => ({
  name: 'embedding',
  requestsPerMinute: settings.EMBEDDING_REQUESTS_PER_MINUTE,
  tokensPerMinute: settings.EMBEDDING_TOKENS_PER_MINUTE,
});

/** One line for people: how documents are searched. */
export const searchedBy = ({
  EMBEDDING_URL,
  EMBEDDING_MODEL,
}: Pick<EmbeddingSettings, 'EMBEDDING_URL' | 'EMBEDDING_MODEL'>) =>
  EMBEDDING_URL ? `by words and meaning (${EMBEDDING_MODEL})` : 'by words only: no embedding is configured';

/** @returns null: none is configured, documents are searched by full text alone. @throws Error for impossible settings */
export function createEmbedder(settings: EmbeddingSettings, options: EmbedderOptions): Embedder | null {
  const { EMBEDDING_URL, EMBEDDING_DIMENSIONS: dimensions } = settings;
  if (dimensions < 1 || dimensions > dimensionsMax)
    throw new Error(`EMBEDDING_DIMENSIONS is ${dimensions}, allowed are 1 to ${dimensionsMax}.`);
  return EMBEDDING_URL ? remoteEmbedder(settings, options) : null;
}

/** Of the model that embedded before; it embeds questions on brains that still have its vectors. */
export interface PreviousEmbeddingSettings {
  readonly EMBEDDING_PREVIOUS_URL: string;
  readonly EMBEDDING_PREVIOUS_MODEL: string;
  readonly EMBEDDING_PREVIOUS_DIMENSIONS: number;
  readonly EMBEDDING_PREVIOUS_QUERY_PREFIX: string;
  readonly EMBEDDING_PREVIOUS_API_KEY: string;
}

export const previousEmbedding = (settings: PreviousEmbeddingSettings): EmbeddingSettings => ({
  EMBEDDING_URL: settings.EMBEDDING_PREVIOUS_URL,
  EMBEDDING_MODEL: settings.EMBEDDING_PREVIOUS_MODEL,
  EMBEDDING_DIMENSIONS: settings.EMBEDDING_PREVIOUS_DIMENSIONS,
  EMBEDDING_QUERY_PREFIX: settings.EMBEDDING_PREVIOUS_QUERY_PREFIX,
  // It embeds no documents any more.
  EMBEDDING_PASSAGE_PREFIX: '',
  EMBEDDING_API_KEY: settings.EMBEDDING_PREVIOUS_API_KEY,
  EMBEDDING_USD_PER_MILLION_TOKENS: '',
  // Another account; nothing is said of its limits.
  EMBEDDING_REQUESTS_PER_MINUTE: 0,
  EMBEDDING_TOKENS_PER_MINUTE: 0,
});

/** As many as the vectorstore takes (contract/vectorstore.ts). */
const dimensionsMax = 4096;
