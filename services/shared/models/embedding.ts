/** Text to vectors, by the embedding tier or any other that speaks OpenAI's `/embeddings`. */
import type { Embedder, EmbedderOptions, Embedding, EmbeddingSettings } from './embedder.ts';
import { remoteEmbedder } from './remote-embedding.ts';

export { builtInEmbedding, type EmbedCall, type Embedder, type Embedding, type EmbeddingSettings } from './embedder.ts';

/** The model that an environment embeds with. */
export const configuredEmbedding = (
  settings: Pick<EmbeddingSettings, 'EMBEDDING_MODEL' | 'EMBEDDING_DIMENSIONS'>,
): Embedding => ({ model: settings.EMBEDDING_MODEL, dimensions: settings.EMBEDDING_DIMENSIONS });

/** @returns null: none is configured, documents are searched by full text alone. @throws Error for impossible settings */
export function createEmbedder(settings: EmbeddingSettings, options: EmbedderOptions): Embedder | null {
  const { EMBEDDING_URL, EMBEDDING_DIMENSIONS: dimensions } = settings;
  if (dimensions < 1 || dimensions > dimensionsMax)
    throw new Error(`EMBEDDING_DIMENSIONS is ${dimensions}, allowed are 1 to ${dimensionsMax}.`);
  return EMBEDDING_URL ? remoteEmbedder(settings, options) : null;
}

/** As many as the vectorstore takes (contract/vectorstore.ts). */
const dimensionsMax = 4096;
