/** Any OpenAI-compatible `/embeddings`. */
import type { Embedder, EmbeddingSettings } from './embedding.ts';
import { retryTransient } from './retry.ts';

export class EmbeddingError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddingError';
  }
}

/** Hugging Face's text-embeddings-inference refuses more by default (`--max-client-batch-size 32`); others take more. */
const textsPerRequest = 32;
/** One batch of chunks takes a second or two even on a CPU; after this the endpoint hangs. */
const requestTimeoutMs = 30_000;

export function remoteEmbedder(settings: EmbeddingSettings): Embedder {
  const { EMBEDDING_URL: baseURL, EMBEDDING_MODEL: name, EMBEDDING_DIMENSIONS: dimensions } = settings;
  const policy = retryTransient();
  const usage = { requests: 0, tokens: 0 };

  const one = async (values: string[], signal?: AbortSignal) => {
    const { embedMany, embeddingModel } = await load(baseURL, name, settings.EMBEDDING_API_KEY);
    const deadline = AbortSignal.timeout(requestTimeoutMs);
    usage.requests += 1;
    const { embeddings, usage: used } = await embedMany({
      model: embeddingModel,
      values,
      // Retried here, on failures that can pass only.
      maxRetries: 0,
      abortSignal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    }).catch((error: Error) => {
      throw deadline.aborted ? deadline.reason : error;
    });
    checkVectors(embeddings, values.length, name, dimensions);
    const tokens = Number.isFinite(used.tokens) ? used.tokens : 0;
    usage.tokens += tokens;
    return { vectors: embeddings, tokens };
  };

  const embedMetered: Embedder['embedMetered'] = async (texts, signal) => {
    const vectors: number[][] = [];
    let tokens = 0;
    // In turn: a provider's rate is kept by whoever meters the calls, not by racing here.
    for (let at = 0; at < texts.length; at += textsPerRequest) {
      const values = texts.slice(at, at + textsPerRequest);
      const batch = await policy
        .execute(() => one(values, signal), signal)
        .catch((error: Error) => {
          if (signal?.aborted || error instanceof EmbeddingError) throw error;
          throw new EmbeddingError(`The embedding endpoint ${baseURL} failed: ${error.message}`, { cause: error });
        });
      vectors.push(...batch.vectors);
      tokens += batch.tokens;
    }
    return { vectors, tokens };
  };
  return {
    model: name,
    dimensions,
    usage,
    embedMetered,
    embed: async (texts, signal) => (await embedMetered(texts, signal)).vectors,
  };
}

/** Loaded when first used: the package costs memory that the built-in embedding does not need. */
async function load(baseURL: string, name: string, apiKey: string) {
  const [{ embedMany }, { createOpenAICompatible }] = await Promise.all([
    import('ai'),
    import('@ai-sdk/openai-compatible'),
  ]);
  const provider = createOpenAICompatible({ name: 'embedding', baseURL, ...(apiKey && { apiKey }) });
  return { embedMany, embeddingModel: provider.embeddingModel(name) };
}

function checkVectors(vectors: readonly number[][], texts: number, name: string, dimensions: number): void {
  if (vectors.length !== texts)
    throw new EmbeddingError(`'${name}' answered ${vectors.length} vectors for ${texts} texts.`);
  const wrong = vectors.find((vector) => vector.length !== dimensions);
  if (wrong)
    throw new EmbeddingError(
      `'${name}' answers vectors of ${wrong.length} numbers, EMBEDDING_DIMENSIONS is ${dimensions}: set it to ${wrong.length}.`,
    );
}
