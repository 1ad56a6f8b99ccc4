/**
 * An optional second look at what the search found, by any `/rerank` that speaks as Cohere and Jina do, or as
 * text-embeddings-inference does. A question does not wait for it: whatever goes wrong, and whatever comes too late, leaves
 * the list as it was.
 */
import { z } from 'zod';
import type { Hit } from '../../shared/contract/vectorstore.ts';
import { readBounded } from '../../shared/http/read-bounded.ts';
import { statedPriceUsd } from '../../shared/ledger/known-prices.ts';
import type { Logger } from '../../shared/log.ts';
import { type CallFailure, isTransient, wasNeverReached } from '../../shared/models/retry.ts';
import { type CallMeter, unmetered } from '../../shared/scheduler/call-meter.ts';
import { MeterError } from '../../shared/scheduler/meters.ts';
import { createCircuitBreaker } from '../models/circuit-breaker.ts';
import type { TokenUsage } from '../turns/token-usage.ts';

export interface RerankSettings {
  readonly RERANK_URL: string;
  readonly RERANK_MODEL: string;
  readonly RERANK_API_KEY: string;
  readonly RERANK_USD_PER_THOUSAND_CALLS: string;
}

export interface Reranker {
  /** As many hits as are sorted. */
  readonly passagesMax: number;
  /** Null: unknown. */
  readonly usdPerCall: number | null;
  /**
   * The best first, with its scores; the same list when it cannot say. A call is counted unless it was refused: one that
   * came too late is billed too.
   *
   * @throws the signal's reason when it aborts
   */
  rerank(query: string, hits: readonly Hit[], used: RerankUse, signal: AbortSignal): Promise<readonly Hit[]>;
  /** Since the start. */
  readonly counts: { readonly done: number; readonly late: number; readonly failed: number };
  readonly circuitOpen: boolean;
}

export type RerankUse = Pick<TokenUsage, 'rerankCalls' | 'rerankCostUsd' | 'rerankModel'>;

/** Twice what an answer reads: enough for a better one to come up from below, and what a GPU sorts in some 100 ms. */
const passagesMax = 32;
/** A chunk has 1,200 characters; a longer text tells a reranker no more, and most cut it at 512 tokens themselves. */
const passageCharactersMax = 2000;
/** 32 passages with their scores are 3 kB, some send the texts back. */
const answerBytesMax = 1024 * 1024;
/** Most take 50 to 500 ms; whoever asks waits for it before the first word. */
const rerankTimeoutMs = 1000;

/** @returns null when none is configured */
export function createReranker(
  settings: RerankSettings,
  log: Logger,
  timeoutMs = rerankTimeoutMs,
  meter: CallMeter = unmetered,
): Reranker | null {
  const { RERANK_URL: base, RERANK_MODEL: model, RERANK_API_KEY: key } = settings;
  if (!base) return null;
  const url = `${base.replace(/\/+$/, '')}/rerank`;
  if (!URL.canParse(url)) throw new Error(`RERANK_URL is '${base}', allowed is a URL, to which /rerank is added.`);
  const usdPerThousand = statedPriceUsd('RERANK_USD_PER_THOUSAND_CALLS', settings.RERANK_USD_PER_THOUSAND_CALLS, '2');
  const bill = (used: RerankUse) => {
    used.rerankCalls += 1;
    used.rerankCostUsd = usdPerThousand === null ? null : (used.rerankCalls * usdPerThousand) / 1000;
    used.rerankModel = model || null;
  };
  const billed = async (answer: Promise<Ranking>, used: RerankUse) => {
    const ranking = await answer.catch((error) => {
      if (isBilled(error)) bill(used);
      throw error;
    });
    bill(used);
    return ranking;
  };
  const breaker = createCircuitBreaker(isOutage);
  const counts = { done: 0, late: 0, failed: 0 };

  const ask = async (query: string, texts: readonly string[], signal: AbortSignal): Promise<Ranking> => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
      body: JSON.stringify(
        // text-embeddings-inference serves one model, and has other words.
        model ? { model, query, documents: texts, top_n: texts.length } : { query, texts, truncate: true },
      ),
      signal,
    });
    const body = await readBounded(answer, answerBytesMax);
    if (!body) throw new Error(`its answer has more than ${answerBytesMax} bytes, which are allowed`);
    const text = body.toString();
    if (!answer.ok) throw Object.assign(new Error(`it answered ${text.slice(0, 300)}`), { status: answer.status });
    return readRanking(text, texts.length);
  };

  return {
    passagesMax,
    usdPerCall: usdPerThousand === null ? null : usdPerThousand / 1000,
    counts,
    get circuitOpen() {
      return breaker.isOpen;
    },
    rerank: async (query, hits, used, signal) => {
      const sorted = hits.slice(0, passagesMax);
      if (sorted.length < 2) return hits;
      const inTime = AbortSignal.timeout(timeoutMs);
      const either = AbortSignal.any([signal, inTime]);
      const texts = sorted.map(({ heading, text }) =>
        (heading ? `${heading}\n${text}` : text).slice(0, passageCharactersMax).toWellFormed(),
      );
      try {
        const ranking = await breaker.execute(() =>
          meter
            .run({}, () => billed(ask(query, texts, either), used), nothing, either)
            .catch((error) => {
              throw signal.aborted ? new AbortedError() : error;
            }),
        );
        counts.done += 1;
        return inOrder(ranking, hits);
      } catch (error) {
        signal.throwIfAborted();
        counts[inTime.aborted ? 'late' : 'failed'] += 1;
        log.warn({ err: error as Error }, 'passages not reranked: they stay as the search ranks them');
        return hits;
      }
    },
  };
}

/** It bills requests. */
const nothing = () => null;

type Ranking = readonly { readonly index: number; readonly score: number }[];

const index = z.int().min(0);
const rankings = z.union([
  // Cohere, Jina, vLLM, Infinity.
  z
    .object({ results: z.array(z.object({ index, relevance_score: z.number() })) })
    .transform(({ results }) => results.map(({ index, relevance_score: score }) => ({ index, score }))),
  // text-embeddings-inference.
  z.array(z.object({ index, score: z.number() })),
]);

/** @throws Error when it is none */
function readRanking(text: string, count: number): Ranking {
  const ranking = rankings.parse(JSON.parse(text));
  const places = new Set(ranking.map(({ index }) => index));
  if (places.size === 0 || places.size < ranking.length || Math.max(...places) >= count)
    throw new Error(`it answered no ranking of ${count} passages: ${text.slice(0, 300)}`);
  return ranking.toSorted((a, b) => b.score - a.score);
}

/** Those that it left out stay behind, as they were; scores go down along the list. */
function inOrder(ranking: Ranking, hits: readonly Hit[]): Hit[] {
  const ranked = new Set(ranking.map(({ index }) => index));
  const last = ranking.at(-1)?.score ?? 0;
  return [
    ...ranking.map(({ index, score }) => ({ ...(hits[index] as Hit), score })),
    ...hits.filter((_, at) => !ranked.has(at)).map((hit) => ({ ...hit, score: Math.min(hit.score, last) })),
  ];
}

/** Who asked is gone: no failure of the reranker. */
class AbortedError extends Error {}

/** It was asked and did not refuse. */
const isBilled = (error: unknown) => (error as CallFailure).status === undefined && !wasNeverReached(error);

/** Too late, away, broken, or another service: all but a refusal of this one request, and who asked being gone. */
function isOutage(error: unknown): boolean {
  if (error instanceof AbortedError || error instanceof MeterError) return false;
  return (error as CallFailure).status === undefined || isTransient(error);
}
