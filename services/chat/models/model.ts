/** The language model behind any OpenAI-compatible endpoint. */
import type { OpenAI } from 'openai';
import type { FinishReason } from '../../shared/contract/chat.ts';
import { type ProblemCode, ProblemError, type ProblemExtras, yieldError } from '../../shared/http/problem.ts';
import { compatibleEndpoint, failureText } from '../../shared/models/compatible-endpoint.ts';
import type { ConfiguredModel } from '../../shared/models/configured-models.ts';
import {
  type CallFailure,
  isTransient,
  networkCode,
  retryAfterMs,
  retryTransient,
  wasNeverReached,
} from '../../shared/models/retry.ts';
import { estimateTokens } from '../../shared/models/tokens.ts';
import { type CallMeter, unmetered } from '../../shared/scheduler/call-meter.ts';
import { MeterError } from '../../shared/scheduler/meters.ts';
import type { Message } from '../answering/prompt.ts';
import { createSurrogateJoiner } from '../turns/storable.ts';
import type { TokenUsage } from '../turns/token-usage.ts';
import { type Chunks, readChunks } from './chunks.ts';
import { type CircuitBreaker, CircuitOpenError, createCircuitBreaker, failuresMax, restMs } from './circuit-breaker.ts';
import { type ModelTimeouts, TooSlowError, type Watch, watchOver } from './watch.ts';

export interface ModelCall {
  readonly name: string;
  readonly system: string;
  readonly messages: readonly Message[];
  readonly answerTokensMax: number;
  /** Its token counts are kept up to date while the answer streams. */
  readonly tokenUsage: TokenUsage;
  readonly signal: AbortSignal;
}

/** Of a synthetic tenant's brain while a replica warms up (warm-up.ts). */
export const stubModelName = 'bulkhead-warm-up';

export interface LanguageModel {
  /**
   * The answer as it comes, last why it ended.
   *
   * @throws ModelFailedError; {@link ModelInterruptedError}; the reason of the signal when it aborts
   */
  stream(call: ModelCall): AsyncIterable<string | { readonly finishReason: FinishReason }>;
  /** True while calls of a model are refused because it failed several times in a row. */
  readonly circuitOpen: boolean;
  /** While `run` goes on, calls of the model {@link stubModelName} go to another endpoint, on the way of all others. */
  useStub(url: string, run: () => Promise<unknown>): Promise<void>;
}

/** Refused before any work was done, so asking again bills nothing twice; longer waits are told to the reader instead. */
const refusals = { retriesMax: 2, retryAfterMsMax: 5000, when: wasRefused };

/** An endpoint may pass over `max_tokens`, or never end. Prose has four, code some more: who keeps to the limit is not cut. */
const charactersPerTokenMax = 8;

/** No answer came, or it broke off. */
export class ModelFailedError extends ProblemError {
  /** The model or its endpoint is overloaded, broken or away: another one may answer. */
  readonly isOutage: boolean;
  /** It had the question and may bill it: it was too slow, or broke off. A refusal is no work. */
  readonly isBilled: boolean;

  constructor(
    detail: string,
    { isOutage, isBilled }: { isOutage: boolean; isBilled: boolean },
    extras: ProblemExtras = {},
    code: ProblemCode = 'model-failed',
  ) {
    super(code, detail, extras);
    this.isOutage = isOutage;
    this.isBilled = isBilled;
  }
}

/** The governor before it has no slot. Another one may answer; without one, who asked hears the yield. */
class ModelBusyError extends ModelFailedError {
  constructor(detail: string, retryHintMs: number) {
    super(detail, notAsked, yieldError(detail, retryHintMs).extras, 'yield');
  }
}

/** The stream ended, or its connection, without the end of the answer. */
export class ModelInterruptedError extends ModelFailedError {}

/** @returns null when there are none */
export function createModel(
  models: readonly ConfiguredModel[],
  timeouts: ModelTimeouts = {},
  meterOf: (model: ConfiguredModel) => CallMeter = () => unmetered,
): LanguageModel | null {
  if (models.length === 0) return null;
  // One per model: what one of them does says nothing of the others. Their number is bounded by who may be asked.
  const breakers = new Map<string, CircuitBreaker>();
  const breakerOf = (name: string) => {
    const breaker = breakers.get(name) ?? createCircuitBreaker(isOutage);
    breakers.set(name, breaker);
    return breaker;
  };
  const retry = retryTransient(refusals);
  const endpoints = new Map(
    models.map((configured) => {
      const { name, model, url: baseURL, apiKey, headers } = configured;
      return [name, { model, client: compatibleEndpoint({ baseURL, apiKey, headers }), meter: meterOf(configured) }];
    }),
  );
  let stub: ReturnType<typeof compatibleEndpoint> | null = null;

  return {
    stream: (call) => stream(call),
    get circuitOpen() {
      return [...breakers.values()].some(({ isOpen }) => isOpen);
    },
    useStub: async (url, run) => {
      stub = compatibleEndpoint({ baseURL: url, apiKey: '' });
      await run().finally(() => {
        stub = null;
      });
    },
  };

  async function* stream(call: ModelCall): AsyncGenerator<string | { readonly finishReason: FinishReason }> {
    const watch = watchOver(call.signal, timeouts);
    const joiner = createSurrogateJoiner();
    const meter = endpoints.get(call.name)?.meter ?? unmetered;
    // As providers count: what is read, and all that may be written.
    const estimate = call.tokenUsage.tokensIn + call.answerTokensMax;
    let [sent, begun, whole] = [false, false, false];
    const send = async () => {
      call.signal.throwIfAborted();
      sent = true;
      return open(call, watch).catch((error) => {
        // Nobody bills it, should its reader leave before the next try.
        if (wasRefused(error)) sent = false;
        throw error;
      });
    };
    try {
      // The breaker judges by the first token; it cannot hold a connection open for the rest.
      const { first, chunks, end } = await breakerOf(call.name).execute(() =>
        retry.execute(() => meter.run({ tokens: estimate }, send, nothing, call.signal), call.signal),
      );
      begun = true;
      let text: string | null = first;
      let left = call.answerTokensMax * charactersPerTokenMax;
      while (text !== null) {
        const shown = joiner.push(text.slice(0, left));
        if (shown) yield shown;
        left -= text.length;
        if (left < 0) break;
        text = await nextText(chunks, call.tokenUsage, watch, end);
      }
      whole = left >= 0;
      const rest = joiner.end();
      if (rest) yield rest;
      if (!whole) end.finishReason = 'length';
      if (end.finishReason === null) throw new EndlessError('its stream ended without the end of the answer');
      yield { finishReason: end.finishReason };
    } catch (error) {
      // Who left while the question waited for its turn used nothing.
      if (!sent) call.tokenUsage.tokensIn = 0;
      if (call.signal.aborted) throw call.signal.reason;
      throw modelFailed(error, call.name, begun);
    } finally {
      // Also when the reader leaves early: the provider must not go on writing. After the end its connection is kept.
      if (!whole) watch.end();
      if (begun) meter.settle({ tokens: call.tokenUsage.tokensIn + call.tokenUsage.tokensOut - estimate });
    }
  }

  async function open(call: ModelCall, watch: Watch): Promise<{ first: string; chunks: Chunks; end: End }> {
    const chunks = readChunks(() => ask(call, watch.signal));
    const end: End = { finishReason: null };
    const first = await nextText(chunks, call.tokenUsage, watch, end);
    // Another service's page, for one, when the path is wrong; or a model that thought until its tokens were used up.
    if (first === null)
      throw new Error(
        end.finishReason === 'length'
          ? 'it used up its limit of tokens before a word came'
          : 'it ended before a word came',
      );
    return { first, chunks, end };
  }

  async function ask({ name, system, messages, answerTokensMax }: ModelCall, signal: AbortSignal): Promise<Response> {
    const from = name === stubModelName && stub ? { model: name, client: stub, meter: unmetered } : endpoints.get(name);
    // A synthetic tenant's answer that outlives its warm-up must not be asked of whoever bills it.
    if (!from) throw new Error('it answers nobody but synthetic tenants');
    const { chat } = await from.client();
    const request: OpenAI.ChatCompletionCreateParamsStreaming = {
      model: from.model,
      messages: [{ role: 'system', content: system }, ...messages],
      // Not max_completion_tokens, its successor: few endpoints but OpenAI's know that.
      max_tokens: answerTokensMax,
      temperature: 0.2,
      stream: true,
      stream_options: { include_usage: true },
    };
    return chat.completions.create(request, { signal }).asResponse();
  }
}

/** How much an answer used is known at its end. */
const nothing = () => null;

/**
 * The endpoint is overloaded, broken or away. Everything else may be the caller's own doing, who must not be able to
 * switch a model off for others: a 4xx (a text that is too long, refused content), an answer without a word. Nor is a full
 * governor the model's failure: the next slot that frees is one of it.
 */
const isOutage = (error: unknown) =>
  error instanceof TooSlowError || (isTransient(error) && yieldHintMs(error) === null);

/** What the governor says when its slots are taken (governor/proxy.ts); null: it is another failure. */
function yieldHintMs(error: unknown): number | null {
  const failure = error as CallFailure & { readonly code?: unknown };
  return failure.status === 503 && failure.code === 'yield' ? retryAfterMs(failure) : null;
}

/** What came may be half an answer: a whole one says why it ended. */
class EndlessError extends Error {}

interface End {
  finishReason: FinishReason | null;
}

/** The next text that is not empty; null at the end. Where the provider tells its own count, that replaces the estimate. */
async function nextText(chunks: Chunks, tokenUsage: TokenUsage, watch: Watch, end: End): Promise<string | null> {
  for (;;) {
    const chunk = await watch.next(chunks.next());
    if (chunk === null) return null;
    const choice = chunk.choices?.[0];
    if (choice?.finish_reason) end.finishReason = finishReasonOf(choice.finish_reason);
    const text = choice?.delta?.content;
    if (text) tokenUsage.tokensOut += estimateTokens(text);
    // Google's comes beside each text, and counts that too. Zeros are no count: an answer is never free.
    tokenUsage.tokensIn = chunk.usage?.prompt_tokens || tokenUsage.tokensIn;
    tokenUsage.tokensOut = chunk.usage?.completion_tokens || tokenUsage.tokensOut;
    if (text) return text;
  }
}

/** Providers have more words for an ordinary end. */
const finishReasonOf = (given: string): FinishReason =>
  given === 'length' || given === 'content_filter' ? given : 'stop';

function modelFailed(error: unknown, name: string, begun: boolean): ModelFailedError {
  // Its own report of an error, and our limits of time, say more than a line that broke.
  if (error instanceof EndlessError || (begun && networkCode(error) !== ''))
    return new ModelInterruptedError(`'${name}' was cut off: ${failureText(error).slice(0, 300)}`, cutOff);
  if (error instanceof CircuitOpenError)
    return new ModelFailedError(
      `'${name}' failed ${failuresMax} times in a row; it is asked again in a few seconds.`,
      notAsked,
      { retryAfterS: restMs / 1000 },
    );
  // Its limit is used up, not its patience: another one may answer.
  if (error instanceof MeterError)
    return new ModelFailedError(error.message, notAsked, { retryAfterS: Math.ceil(error.waitMs / 1000) });
  const hintMs = yieldHintMs(error);
  if (hintMs !== null)
    return new ModelBusyError(`'${name}' is busy: it answered ${(error as Error).message.slice(0, 300)}`, hintMs);
  const { status } = error as CallFailure;
  const why = status === undefined ? failureText(error) : `it answered ${failureText(error)}`;
  const isBilled = status === undefined && !wasNeverReached(error);
  return new ModelFailedError(`'${name}' failed: ${why.slice(0, 300)}`, { isOutage: isOutage(error), isBilled });
}

const notAsked = { isOutage: true, isBilled: false };
const cutOff = { isOutage: true, isBilled: true };

function wasRefused(error: unknown): boolean {
  const { status } = error as CallFailure;
  return status === 429 || status === 503 || networkCode(error) === 'ECONNREFUSED';
}
