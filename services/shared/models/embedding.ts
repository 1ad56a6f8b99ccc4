/** Text to vectors: the built-in lexical hashing, or any OpenAI-compatible `/embeddings`. */
import { lexicalHashing, lexicalHashingModel } from './lexical-hashing.ts';
import { remoteEmbedder } from './remote-embedding.ts';

export interface EmbeddingSettings {
  /** OpenAI-compatible base URL; empty: {@link lexicalHashingModel}. */
  readonly EMBEDDING_URL: string;
  readonly EMBEDDING_MODEL: string;
  readonly EMBEDDING_DIMENSIONS: number;
  readonly EMBEDDING_API_KEY: string;
}

export interface Embedder {
  readonly model: string;
  /** Length of every vector. */
  readonly dimensions: number;
  /** One vector per text, in order. @throws EmbeddingError when the endpoint fails, after retries */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<number[][]>;
  /** As {@link embed}, with the tokens that the endpoint charged for this call. The built-in one charges none. */
  embedMetered(texts: readonly string[], signal?: AbortSignal): Promise<{ vectors: number[][]; tokens: number }>;
  /** Sums since it was created, failed calls without tokens. */
  readonly usage: { readonly requests: number; readonly tokens: number };
}

/** What a brain was made with. Vectors of two models do not mix. */
export interface PinnedEmbedding {
  readonly model: string;
  readonly dimensions: number;
}

/** The model that an environment embeds with: what a new brain is pinned to. */
export function configuredEmbedding(
  settings: Pick<EmbeddingSettings, 'EMBEDDING_MODEL' | 'EMBEDDING_DIMENSIONS'>,
): PinnedEmbedding {
  return { model: settings.EMBEDDING_MODEL || lexicalHashingModel, dimensions: settings.EMBEDDING_DIMENSIONS };
}

/**
 * @param pinned the brain's, when one brain is embedded for
 * @throws Error when settings contradict each other, or the brain was made with another model
 */
export function createEmbedder(settings: EmbeddingSettings, pinned?: PinnedEmbedding): Embedder {
  const configured = configuredEmbedding(settings);
  if (settings.EMBEDDING_URL && !settings.EMBEDDING_MODEL)
    throw new Error(`EMBEDDING_URL is '${settings.EMBEDDING_URL}', so EMBEDDING_MODEL must name a model there.`);
  if (!settings.EMBEDDING_URL && configured.model !== lexicalHashingModel)
    throw new Error(
      `EMBEDDING_MODEL is '${configured.model}' but EMBEDDING_URL is empty: set the URL that serves it, ` +
        `or leave both empty for '${lexicalHashingModel}'.`,
    );
  if (configured.dimensions < 1 || configured.dimensions > dimensionsMax)
    throw new Error(`EMBEDDING_DIMENSIONS is ${configured.dimensions}, allowed are 1 to ${dimensionsMax}.`);
  if (pinned) requireSameEmbedding(configured, pinned);
  return settings.EMBEDDING_URL ? remoteEmbedder(settings) : builtIn(configured.dimensions);
}

/** @throws Error saying what the brain was made with, what is configured and what to do */
export function requireSameEmbedding(configured: PinnedEmbedding, pinned: PinnedEmbedding): void {
  if (configured.model === pinned.model && configured.dimensions === pinned.dimensions) return;
  throw new Error(
    `The brain was made with the embedding '${pinned.model}' (${pinned.dimensions} dimensions); ` +
      `configured is '${configured.model}' (${configured.dimensions}). ` +
      'Configure the first again, or make a new brain and add the documents to it.',
  );
}

/** As many as the vectorstore takes (contract/vectorstore.ts). */
const dimensionsMax = 4096;
/** Texts between two turns of the event loop: about 5 ms of work. */
const textsPerTurn = 16;

function builtIn(dimensions: number): Embedder {
  const usage = { requests: 0, tokens: 0 };
  const embed = async (texts: readonly string[], signal?: AbortSignal) => {
    usage.requests += 1;
    const vectors: number[][] = [];
    for (const text of texts) {
      if (vectors.length % textsPerTurn === textsPerTurn - 1) await new Promise(setImmediate);
      signal?.throwIfAborted();
      vectors.push(lexicalHashing(text, dimensions));
    }
    return vectors;
  };
  return {
    model: lexicalHashingModel,
    dimensions,
    usage,
    embed,
    embedMetered: async (texts, signal) => ({ vectors: await embed(texts, signal), tokens: 0 }),
  };
}
