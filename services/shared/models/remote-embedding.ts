/** Any OpenAI-compatible `/embeddings`. */
import { ProblemError } from '../http/problem.ts';
import { readBounded } from '../http/read-bounded.ts';
import { knownPrice, statedPriceUsd } from '../ledger/known-prices.ts';
import { unmetered } from '../scheduler/call-meter.ts';
import { MeterError } from '../scheduler/meters.ts';
import { compatibleEndpoint, failureText } from './compatible-endpoint.ts';
import { costUsd } from './configured-models.ts';
import {
  builtInEmbedding,
  type EmbedCall,
  type Embedder,
  type EmbedderOptions,
  type EmbeddingSettings,
} from './embedder.ts';
import { type CallFailure, isTransient, retryTransient, wasNeverReached } from './retry.ts';
import { estimateTokens } from './tokens.ts';

export class EmbeddingError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddingError';
  }
}

/** These texts are refused, others may not be; any other failure is one of the endpoint, whatever the texts. */
export const refusesTexts = (error: unknown): boolean =>
  error instanceof EmbeddingError && [400, 413, 422].includes((error.cause as CallFailure | undefined)?.status ?? 0);

/** Hugging Face's text-embeddings-inference refuses more by default (`--max-client-batch-size 32`); others take more. */
const textsPerRequest = 32;
/** A sentence, about. */
const tokensOfText = 30;
/** One batch of chunks takes a second or two even on a CPU; after this the endpoint hangs. */
const requestTimeoutMs = 30_000;
/** 32 vectors of 4,096 numbers are 3 MB as text. */
const answerBytesMax = 16 * 1024 * 1024;

const fetchBounded: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const body = await readBounded(response, answerBytesMax);
  if (!body) throw new EmbeddingError(`Its answer has more than ${answerBytesMax} bytes, which are allowed.`);
  return new Response(body.length > 0 ? body : null, response);
};

export function remoteEmbedder(
  settings: EmbeddingSettings,
  { sign, retriesMax, meter = unmetered }: EmbedderOptions,
): Embedder {
  const { EMBEDDING_URL: baseURL, EMBEDDING_MODEL: name, EMBEDDING_DIMENSIONS: dimensions } = settings;
  // Nobody pays for another try of what a limit of ours refused.
  const when = (error: unknown) => !(error instanceof ProblemError) && isTransient(error);
  const policy = retryTransient({ when, ...(retriesMax !== undefined && { retriesMax }) });
  const endpoint = compatibleEndpoint({ baseURL, apiKey: settings.EMBEDDING_API_KEY, fetch: fetchBounded });
  const prefixes = {
    query: settings.EMBEDDING_QUERY_PREFIX.trim(),
    passage: settings.EMBEDDING_PASSAGE_PREFIX.trim(),
  };
  // A model of ours is served by a tier of ours, which knows its callers by their tokens. No other endpoint gets one.
  const own = name === builtInEmbedding.model && !settings.EMBEDDING_API_KEY;

  const stated = statedPriceUsd('EMBEDDING_USD_PER_MILLION_TOKENS', settings.EMBEDDING_USD_PER_MILLION_TOKENS);
  const price = stated ?? (own ? 0 : (knownPrice(baseURL, name)?.in ?? null));

  const one = async (input: string[], { tenantId, brainId, signal, used: told }: EmbedCall) => {
    const { embeddings } = await endpoint();
    const token = own ? await sign({ to: 'embedding', verb: 'embed', tenantId, brainId }) : null;
    const tokens = input.reduce((sum, text) => sum + estimateTokens(text), 0);
    const send = () => {
      signal?.throwIfAborted();
      const deadline = AbortSignal.timeout(requestTimeoutMs);
      return (
        embeddings
          // Asked for by default is base64, a third of the size, which not every such endpoint knows.
          .create(
            { model: name, input, ...(!own && { encoding_format: 'float' as const }) },
            {
              signal: anyOf(deadline, signal),
              ...(token && { headers: { authorization: `Bearer ${token}` } }),
            },
          )
          .catch(async (error: Error) => {
            // A refusal is no work.
            if ((error as CallFailure).status === undefined && !wasNeverReached(error)) await told?.(tokens, true);
            // The client wraps what its fetch throws.
            if (error.cause instanceof EmbeddingError) throw error.cause;
            throw deadline.aborted ? deadline.reason : error;
          })
      );
    };
    // Voyage tells the total alone, others nothing or 0: then it is estimated, never free.
    const tokensOf = ({ usage }: Awaited<ReturnType<typeof send>>) =>
      usage?.prompt_tokens || usage?.total_tokens || tokens;
    const used = (answer: Awaited<ReturnType<typeof send>>) => ({ tokens: tokensOf(answer) });
    const answer = await meter.run({ tokens }, send, used, signal);
    // A page of another service, for one, when the path is wrong.
    if (!Array.isArray(answer.data)) throw new EmbeddingError(`${baseURL}/embeddings answers no list of vectors.`);
    const vectors = answer.data.map(({ embedding }) => embedding);
    checkVectors(vectors, input.length, name, dimensions);
    return { vectors, tokens: tokensOf(answer) };
  };

  return {
    model: name,
    dimensions,
    textsPerSecond: Math.min(meter.requestsPerMinute * textsPerRequest, meter.tokensPerMinute / tokensOfText) / 60,
    costUsd: (tokens) => costUsd(price === null ? null : { in: price, out: 0 }, tokens, 0),
    embed: async (texts, call) => {
      const prefix = prefixes[call.as];
      const vectors: number[][] = [];
      let tokens = 0;
      // In turn: a provider's rate is kept by whoever meters the calls, not by racing here.
      for (let at = 0; at < texts.length; at += textsPerRequest) {
        const values = texts.slice(at, at + textsPerRequest).map((text) => (prefix ? `${prefix} ${text}` : text));
        const batch = await policy
          .execute(() => one(values, call), call.signal)
          .catch((error: Error) => {
            if (call.signal?.aborted || error instanceof EmbeddingError || error instanceof ProblemError) throw error;
            if (error instanceof MeterError) throw new EmbeddingError(error.message, { cause: error });
            throw new EmbeddingError(`The embedding endpoint ${baseURL} failed: ${failureText(error)}`, {
              cause: error,
            });
          });
        vectors.push(...batch.vectors);
        tokens += batch.tokens;
        await call.used?.(batch.tokens, false);
      }
      return { vectors, tokens };
    },
  };
}

const anyOf = (deadline: AbortSignal, signal?: AbortSignal) =>
  signal ? AbortSignal.any([signal, deadline]) : deadline;

function checkVectors(vectors: readonly number[][], texts: number, name: string, dimensions: number): void {
  if (vectors.length !== texts)
    throw new EmbeddingError(`'${name}' answered ${vectors.length} vectors for ${texts} texts.`);
  const wrong = vectors.find((vector) => vector.length !== dimensions);
  if (wrong)
    throw new EmbeddingError(
      `'${name}' answers vectors of ${wrong.length} numbers, EMBEDDING_DIMENSIONS is ${dimensions}: set it to ${wrong.length}.`,
    );
}
