/** What turns text into vectors, and how it is configured. */
import type { SignCall } from '../auth/service-token.ts';
import type { CallMeter } from '../scheduler/call-meter.ts';

/** The model of the embedding tier (services/embedding). */
export const builtInEmbedding = { model: 'universal-sentence-encoder-multilingual-3', dimensions: 512 } as const;

export interface EmbeddingSettings {
  /** OpenAI-compatible base URL; empty: nothing is embedded. */
  readonly EMBEDDING_URL: string;
  readonly EMBEDDING_MODEL: string;
  readonly EMBEDDING_DIMENSIONS: number;
  /** Before each text, a space between; empty: nothing. Models that were trained with such need it on both sides. */
  readonly EMBEDDING_QUERY_PREFIX: string;
  readonly EMBEDDING_PASSAGE_PREFIX: string;
  readonly EMBEDDING_API_KEY: string;
  /** A decimal; empty: unknown, but of a tier of ours, which bills nothing. */
  readonly EMBEDDING_USD_PER_MILLION_TOKENS: string;
  /** Limits of the account; 0: none. */
  readonly EMBEDDING_REQUESTS_PER_MINUTE: number;
  readonly EMBEDDING_TOKENS_PER_MINUTE: number;
}

export interface Embedding {
  readonly model: string;
  /** Length of every vector. */
  readonly dimensions: number;
}

/** For whom: the embedding tier shares itself fairly among tenants. */
export interface EmbedCall {
  /** What is asked, or what is found: some models want a prefix that says which. */
  readonly as: 'query' | 'passage';
  readonly tenantId: string;
  readonly brainId: string;
  readonly signal?: AbortSignal | undefined;
  /**
   * Told after each request how many tokens it used, so that what a later one fails after is known. `lost`: its answer
   * never came, and the endpoint bills it all the same; nobody tells its tokens, so they are estimated. Whoever refuses to
   * pay for more rejects, and it is not tried again.
   */
  readonly used?: (tokens: number, lost: boolean) => void | Promise<void>;
}

export interface Embedder extends Embedding {
  /** Texts that the account's limits let pass in a second, about; infinite without limits. */
  readonly textsPerSecond: number;
  /** Null: unknown. */
  costUsd(tokens: number): number | null;
  /**
   * One vector per text, in order, and the tokens that the endpoint counted.
   *
   * @throws EmbeddingError when the endpoint fails, after retries
   */
  embed(texts: readonly string[], call: EmbedCall): Promise<{ vectors: number[][]; tokens: number }>;
}

export interface EmbedderOptions {
  readonly sign: SignCall;
  /** What every request passes, retries too. @default nothing */
  readonly meter?: CallMeter;
  /** @default as retry.ts says */
  readonly retriesMax?: number;
}
