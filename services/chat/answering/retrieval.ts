/** From a question to numbered passages: embed, search in the vectorstore tier, rerank where that is configured, merge. */

import type { SignCall } from '../../shared/auth/service-token.ts';
import { textCharactersMax } from '../../shared/contract/embedding.ts';
import { type Hit, searchAnswer, vectorstorePaths } from '../../shared/contract/vectorstore.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { checkVectorstore } from '../../shared/http/vectorstore-check.ts';
import type { MayUse } from '../../shared/ledger/reservations.ts';
import type { Logger } from '../../shared/log.ts';
import type { Embedder } from '../../shared/models/embedding.ts';
import { retryTransient } from '../../shared/models/retry.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { TokenUsage } from '../turns/token-usage.ts';
import { type Passage, toPassages } from './passages.ts';
import { searchCharactersMax } from './prompt.ts';
import type { Reranker } from './rerank.ts';

/** What a brain's vectors are of, and what it is embedded anew with. */
export interface BrainVectors {
  readonly embedding_model: string | null;
  readonly embedding_dimensions: number;
  readonly next_embedding_model: string | null;
  readonly next_embedding_dimensions: number | null;
}

/** Of a brain in which nobody searches by vectors. */
export const unembedded: BrainVectors = {
  embedding_model: null,
  embedding_dimensions: 0,
  next_embedding_model: null,
  next_embedding_dimensions: null,
};

/** Of documents that are there, by id. */
export type Names = ReadonlyMap<string, string>;

export interface Searched {
  readonly tenantId: string;
  readonly brainId: string;
  readonly text: string;
  readonly vectors: BrainVectors;
  /** Of all documents of the brain: what is not among them is gone. @default those of the hits are asked for */
  readonly names?: Names | null;
}

export interface Retrieval {
  /**
   * Best first, with the names of their documents; one that is gone has none.
   *
   * @throws ProblemError `unavailable` when the vectorstore does not answer
   */
  search(
    searched: Searched & { readonly limit: number },
    tokenUsage: TokenUsage,
    signal: AbortSignal,
  ): Promise<{ readonly hits: readonly Hit[]; readonly names: Names }>;
  /** What an answer is made from, best first. @throws ProblemError as {@link search} */
  find(searched: Searched, tokenUsage: TokenUsage, signal: AbortSignal): Promise<Passage[]>;
  /** The most that one search uses of the embedding and the reranker. */
  readonly mayUse: MayUse;
  /** One look at the vectorstore. @throws UnavailableError */
  check(): Promise<void>;
}

export interface RetrievalOptions {
  readonly db: Database;
  /** That of the model that is configured, then that of the one before. None: full text alone. */
  readonly embedders: readonly Embedder[];
  /** Null: hits stay as the vectorstore ranks them. */
  readonly reranker: Reranker | null;
  readonly log: Logger;
  readonly vectorstoreUrl: string;
  readonly sign: SignCall;
}

/** More than fit into a prompt: overlapping ones merge, and those of deleted documents drop out. */
const hitsLimit = 16;
/** A search takes some 10 ms; a replica that needs longer is overloaded, and another one may be free. */
const searchTimeoutMs = 5000;
/** A question takes some 10 ms, and waits for others of this second at most. */
const embedTimeoutMs = 1000;
/** A question's meaning stands in its first lines; as many as the embedding tier takes of one text. */
const embeddedCharactersMax = textCharactersMax;
/** A vectorstore that restarts is back in some seconds. */
const searchRetryAfterS = 5;
/** A search changes nothing: asking twice is harmless. Short waits, a person is watching. */
const searchRetries = { retriesMax: 2, retryAfterMsMax: 2000 };

export function createRetrieval({ db, embedders, reranker, vectorstoreUrl, sign, log }: RetrievalOptions): Retrieval {
  const retry = retryTransient(searchRetries);

  const post = async (path: string, authorization: string, body: object, signal: AbortSignal) => {
    const answer = await fetch(new URL(path, vectorstoreUrl), {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(searchTimeoutMs)]),
    });
    if (answer.ok) return answer.json();
    const text = await answer.text();
    const { status, headers } = answer;
    throw Object.assign(new Error(`${status} ${text.slice(0, 300)}`), { status, headers });
  };

  /** Full text finds enough to go on with, so nobody waits for long, and nothing is tried twice. */
  const embed = async (
    { tenantId, brainId, text, vectors: of }: Searched,
    tokenUsage: TokenUsage,
    signal: AbortSignal,
  ) => {
    const embedder = embedderOf(embedders, of);
    if (!embedder) return {};
    const { model } = embedder;
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(embedTimeoutMs)]);
    const asked = text.slice(0, embeddedCharactersMax);
    const bill = (tokens: number) => {
      tokenUsage.embeddingTokens += tokens;
      tokenUsage.embeddingCostUsd = embedder.costUsd(tokenUsage.embeddingTokens);
      tokenUsage.embeddingModel = model;
    };
    try {
      const { vectors } = await embedder.embed([asked], { as: 'query', tenantId, brainId, signal: inTime, used: bill });
      return { vector: vectors[0], model };
    } catch (error) {
      signal.throwIfAborted();
      log.warn({ err: error as Error, tenantId, brainId }, 'question not embedded: searched by full text alone');
      return {};
    }
  };

  const search: Retrieval['search'] = async ({ limit, ...searched }, tokenUsage, signal) => {
    const { tenantId, brainId, text } = searched;
    try {
      const [embedded, token] = await Promise.all([
        embed(searched, tokenUsage, signal),
        sign({ to: 'vectorstore', verb: 'search', tenantId, brainId }),
      ]);
      const authorization = `Bearer ${token}`;
      const body = { query: text, ...embedded, limit: Math.max(limit, reranker?.passagesMax ?? 0) };
      const found = await retry.execute(
        () => post(vectorstorePaths.search(brainId), authorization, body, signal),
        signal,
      );
      const { hits } = searchAnswer.parse(found);
      const ids = hits.map(({ document_id }) => document_id);
      const names = searched.names ?? (await documentNames(db, tenantId, brainId, ids));
      if (!reranker) return { hits, names };
      // The text of a document that is gone leaves this service no more.
      const present = hits.filter(({ document_id }) => names.has(document_id));
      return { hits: (await reranker.rerank(text, present, tokenUsage, signal)).slice(0, limit), names };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const { message } = error as Error;
      throw Object.assign(
        new ProblemError('unavailable', 'The documents cannot be searched right now. Try again soon.', {
          retryAfterS: searchRetryAfterS,
        }),
        {
          cause: new Error(`retrieval failed: ${message}`, { cause: error }),
        },
      );
    }
  };

  // A token has a character at least; prices that are unknown count nothing.
  const embedding = Math.max(0, ...embedders.map((embedder) => embedder.costUsd(embeddedCharactersMax) ?? 0));
  const mayUse = {
    tokens: embedders.length > 0 ? Math.min(embeddedCharactersMax, searchCharactersMax) : 0,
    usd: embedding + (reranker?.usdPerCall ?? 0),
  };
  return {
    search,
    mayUse,
    find: async (searched, tokenUsage, signal) => {
      const { hits, names } = await search({ ...searched, limit: hitsLimit }, tokenUsage, signal);
      const passages = toPassages(hits, names);
      tokenUsage.passages = passages.length;
      return passages;
    },
    check: () => checkVectorstore(vectorstoreUrl),
  };
}

/**
 * Of the model whose vectors serve in the brain. Where nobody embeds with that any more: of the one that it is embedded
 * anew with, whose vectors come document by document.
 */
function embedderOf(embedders: readonly Embedder[], vectors: BrainVectors): Embedder | undefined {
  const of = (model: string | null, dimensions: number | null) =>
    embedders.find((one) => one.model === model && one.dimensions === dimensions);
  return (
    of(vectors.embedding_model, vectors.embedding_dimensions) ??
    of(vectors.next_embedding_model, vectors.next_embedding_dimensions)
  );
}

/** Of documents that are still there, in this brain of this tenant. */
export async function documentNames(
  db: Database,
  tenantId: string,
  brainId: string,
  ids: readonly string[],
): Promise<Names> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('documents')
    .select(['id', 'name'])
    .where('id', 'in', [...new Set(ids)])
    .where('tenant_id', '=', tenantId)
    .where('brain_id', '=', brainId)
    .where('deleted_at', 'is', null)
    .execute();
  return new Map(rows.map(({ id, name }) => [id, name]));
}
