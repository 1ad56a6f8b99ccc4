/** A question to an answer: find passages, then let the model write from them, or quote them. */
import { randomBytes } from 'node:crypto';
import type { Citation, FinishReason, Turn } from '../../shared/contract/chat.ts';
import { extractiveName, modelsOfTenant, requireAllowedModel } from '../../shared/models/allowed-models.ts';
import type { ConfiguredModel } from '../../shared/models/configured-models.ts';
import { type LanguageModel, ModelFailedError, stubModelName } from '../models/model.ts';
import type { ModelSlots } from '../models/model-slots.ts';
import type { TokenUsage, WasteCounts } from '../turns/token-usage.ts';
import { createMarkReader, quoteCitation, type Read } from './citations.ts';
import { extract, notAnswered, type Quote } from './extractive.ts';
import type { Passage } from './passages.ts';
import { buildPrompt, type Exchange, searchText } from './prompt.ts';
import type { BrainVectors, Names, Retrieval } from './retrieval.ts';

export interface Question extends Choice {
  readonly tenantId: string;
  readonly brainId: string;
  /** With which it is asked. @default by a person */
  readonly keyId?: string | null;
  readonly text: string;
  /** Oldest first. */
  readonly history: readonly Exchange[];
  readonly callerInstructions?: string;
  /** Of the conversation: a JSON document. */
  readonly state?: unknown;
  /** The answer to `text` that was cut, and is to go on. */
  readonly cutAnswer?: string;
  /** Of all documents of the brain, where they were read with it. @default asked for */
  readonly names?: Names | null;
}

/** What answers a brain's questions, and how. */
export interface Choice {
  readonly answerer: Turn['answerer'];
  /** The model that is asked when the first one fails before a word came; null: none. */
  readonly fallback: string | null;
  /** The brain's own, for a model; '' when there are none. */
  readonly instructions: string;
  readonly vectors: BrainVectors;
}

export interface OwnSettings extends BrainVectors {
  readonly model: string | null;
  readonly instructions: string;
}

export type AnswerPart =
  /** Passages were found; the answer begins. */
  | { readonly found: number }
  /** Another model than the one that was chosen answers. */
  | { readonly answerer: Turn['answerer'] }
  | { readonly text: string }
  | { readonly citation: Citation }
  | { readonly answered: boolean; readonly finishReason: FinishReason };

export interface Answerer {
  /**
   * Which one answers for a brain with these settings, in a tenant that may ask `tenantModels` (null: all).
   *
   * @throws ProblemError `conflict`, it is not allowed any more
   */
  choose(brain: OwnSettings, tenantModels: readonly string[] | null): Choice;
  /**
   * The parts as they come; the last one says whether the documents answer. Before the model is called, `tokenUsage` holds
   * an estimate of what it will read.
   *
   * @throws ProblemError `unavailable`, `model-failed`; the signal's reason when it aborts
   */
  answer(question: Question, tokenUsage: TokenUsage, signal: AbortSignal): AsyncGenerator<AnswerPart>;
  /** Since the start. */
  readonly counts: AnswerCounts;
}

export interface AnswerCounts extends WasteCounts {
  /** Marks in answers whose passage does not support the claim. */
  citationsDropped: number;
  /** Answers that another model was asked for. */
  fallbacks: number;
}

/**
 * A whole answer, for who does not stream. `answered`: whether the documents answer; `answerer`: null, the chosen one did.
 */
export async function collect(parts: AsyncIterable<AnswerPart>) {
  const whole = {
    text: '',
    citations: [] as Citation[],
    answered: false,
    answerer: null as Turn['answerer'] | null,
    finishReason: 'stop' as FinishReason,
  };
  for await (const part of parts)
    if ('text' in part) whole.text += part.text;
    else if ('citation' in part) whole.citations.push(part.citation);
    else if ('answered' in part) {
      whole.answered = part.answered;
      whole.finishReason = part.finishReason;
    } else if ('answerer' in part) whole.answerer = part.answerer;
  return whole;
}

export { extractiveName };

/** Shown as "nearest passages" when the documents do not answer. */
const nearestMax = 3;

/** @param models the one that is asked by default first */
export function createAnswerer(
  retrieval: Pick<Retrieval, 'find'>,
  model: LanguageModel | null,
  models: readonly ConfiguredModel[],
  slots: Pick<ModelSlots, 'take'> = { take: async () => () => {} },
): Answerer {
  const known = new Map(models.map((configured) => [configured.name, configured]));
  const counts: AnswerCounts = { citationsDropped: 0, fallbacks: 0, wastedTokens: 0 };
  return {
    counts,
    choose: ({ model: own, instructions, ...vectors }, tenantModels) => {
      const allowed = modelsOfTenant([...known.keys()], tenantModels);
      const name = own ?? allowed[0] ?? extractiveName;
      if (!model || name === extractiveName)
        return { answerer: { kind: 'extractive', name: extractiveName }, fallback: null, instructions, vectors };
      // Of a synthetic tenant: outside a warm-up the model itself refuses it.
      if (name !== stubModelName)
        requireAllowedModel(allowed, name, 'conflict', 'Choose another one in the settings of the brain.');
      const second = known.get(name)?.fallback ?? null;
      const fallback = second !== null && allowed.includes(second) ? second : null;
      return { answerer: { kind: 'model', name }, fallback, instructions, vectors };
    },
    answer: async function* (question, tokenUsage, signal) {
      const text = searchText(question.text, question.history);
      const passages = await retrieval.find({ ...question, text }, tokenUsage, signal);
      signal.throwIfAborted();
      if (model && question.answerer.kind === 'model')
        yield* fromModels({ model, known, counts, slots }, question, passages, tokenUsage, signal);
      else yield* fromQuotes(text, question.text, passages);
    },
  };
}

interface Models {
  readonly model: LanguageModel;
  readonly known: ReadonlyMap<string, ConfiguredModel>;
  readonly counts: AnswerCounts;
  /** The chosen model's was taken by whoever admitted the question. */
  readonly slots: Pick<ModelSlots, 'take'>;
}

/** From the chosen model, or from its fallback when it failed before a word came. */
async function* fromModels(
  models: Models,
  question: Question,
  passages: readonly Passage[],
  tokenUsage: TokenUsage,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart> {
  const { answerer, fallback } = question;
  let begun = false;
  try {
    for await (const part of fromModel(models, answerer.name, question, passages, tokenUsage, signal)) {
      begun ||= 'text' in part;
      yield part;
    }
  } catch (error) {
    // A second answer below half of a first one would be read as one.
    if (begun || fallback === null || !(error instanceof ModelFailedError && error.isOutage)) throw error;
    const giveBack = await models.slots.take(fallback, question.tenantId, answerer.name);
    try {
      models.counts.fallbacks += 1;
      if (error.isBilled && tokenUsage.model) {
        const { model, tokensIn, tokensOut } = tokenUsage;
        tokenUsage.replaced.push({ model, tokensIn, tokensOut });
      }
      yield { answerer: { kind: 'model', name: fallback } };
      yield* fromModel(models, fallback, question, passages, tokenUsage, signal);
    } finally {
      giveBack();
    }
  }
}

async function* fromModel(
  { model, known, counts }: Omit<Models, 'slots'>,
  name: string,
  { text, history, instructions, callerInstructions, state, cutAnswer }: Question,
  found: readonly Passage[],
  tokenUsage: TokenUsage,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart> {
  const { contextTokens = null, price = null } = known.get(name) ?? {};
  const boundary = randomBytes(8).toString('hex');
  const asked = {
    question: text,
    passages: found,
    history,
    boundary,
    instructions,
    callerInstructions,
    state,
    contextTokens,
    cutAnswer,
  };
  const { passages, tokens, ...prompt } = buildPrompt(asked);
  tokenUsage.model = { name, price };
  tokenUsage.tokensIn = tokens;
  tokenUsage.tokensOut = 0;
  tokenUsage.passages = passages.length;
  yield { found: passages.length };
  const marks = createMarkReader(passages);
  let cited = 0;
  let finishReason: FinishReason = 'stop';
  const parts = function* ({ text: shown, citations }: Read): Generator<AnswerPart> {
    if (shown) yield { text: shown };
    for (const citation of citations) {
      cited += 1;
      yield { citation };
    }
  };
  try {
    for await (const piece of model.stream({ name, ...prompt, tokenUsage, signal }))
      if (typeof piece === 'string') yield* parts(marks.push(piece));
      else finishReason = piece.finishReason;
    yield* parts(marks.end());
  } catch (error) {
    // What arrived is kept.
    yield* parts(marks.end());
    if (error instanceof ModelFailedError && !error.isBilled) Object.assign(tokenUsage, { tokensIn: 0, tokensOut: 0 });
    throw error;
  } finally {
    counts.citationsDropped += marks.dropped;
  }
  // An answer that rests on no passage is not from the documents; of a part of one nobody knows.
  const answered = cited > 0 || finishReason !== 'stop' || cutAnswer !== undefined;
  if (!answered) yield* cite(extract(text, passages).quotes.slice(0, nearestMax));
  yield { answered, finishReason };
}

async function* fromQuotes(searched: string, asked: string, passages: readonly Passage[]): AsyncGenerator<AnswerPart> {
  yield { found: passages.length };
  const own = extract(asked, passages);
  // "And in Korea?" says too little alone; "After ninety days?" says enough, and its answer is not the one before.
  const { answered, quotes } = own.answered || searched === asked ? own : extract(searched, passages);
  if (!answered) {
    yield { text: notAnswered(asked) };
    yield* cite(quotes.slice(0, nearestMax));
  } else
    for (const [index, quote] of quotes.entries()) {
      const words = quote.text.replace(/\s+/g, ' ');
      yield { text: `${index > 0 ? '\n\n' : ''}“${words}” [${index + 1}]` };
      yield { citation: quoteCitation(index + 1, quote) };
    }
  yield { answered, finishReason: 'stop' };
}

function* cite(quotes: readonly Quote[]): Generator<AnswerPart> {
  for (const [index, quote] of quotes.entries()) yield { citation: quoteCitation(index + 1, quote) };
}
