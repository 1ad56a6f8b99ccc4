/** A question to an answer: find passages, then let the model write from them, or quote them. */
import { randomBytes } from 'node:crypto';
import type { Citation, Turn } from '../../shared/contract/chat.ts';
import { extractiveName, modelsOfTenant, requireAllowedModel } from '../../shared/models/allowed-models.ts';
import { type LanguageModel, stubModelName } from '../models/model.ts';
import type { TokenUsage } from '../turns/token-usage.ts';
import { createMarkReader, quoteCitation } from './citations.ts';
import { extract, notAnswered, type Quote } from './extractive.ts';
import type { Passage } from './passages.ts';
import { buildPrompt, type Exchange, searchText } from './prompt.ts';
import type { Retrieval } from './retrieval.ts';

export interface Question {
  readonly tenantId: string;
  readonly brainId: string;
  readonly text: string;
  /** Oldest first. */
  readonly history: readonly Exchange[];
  readonly answerer: Turn['answerer'];
  readonly callerInstructions?: string;
}

export type AnswerPart =
  /** Passages were found; the answer begins. */
  | { readonly found: number }
  | { readonly text: string }
  | { readonly citation: Citation }
  | { readonly answered: boolean };

export interface Answerer {
  /**
   * Which one answers for a brain whose own setting is `model`, in a tenant that may ask `tenantModels` (null: all).
   *
   * @throws ProblemError `conflict`, it is not allowed any more
   */
  choose(model: string | null, tenantModels: readonly string[] | null): Turn['answerer'];
  /**
   * The parts as they come; the last one says whether the documents answer. Before the model is called, `tokenUsage` holds
   * an estimate of what it will read.
   *
   * @throws ProblemError `unavailable`, `model-failed`; the signal's reason when it aborts
   */
  answer(question: Question, tokenUsage: TokenUsage, signal: AbortSignal): AsyncGenerator<AnswerPart>;
}

/** A whole answer, for who does not stream. `answered`: whether the documents answer. */
export async function collect(parts: AsyncIterable<AnswerPart>) {
  const whole = { text: '', citations: [] as Citation[], answered: false };
  for await (const part of parts)
    if ('text' in part) whole.text += part.text;
    else if ('citation' in part) whole.citations.push(part.citation);
    else if ('answered' in part) whole.answered = part.answered;
  return whole;
}

export { extractiveName };

/** Shown as "nearest passages" when the documents do not answer. */
const nearestMax = 3;

/** @param listed names of models, the one that is asked by default first */
export function createAnswerer(
  retrieval: Pick<Retrieval, 'find'>,
  model: LanguageModel | null,
  listed: readonly string[],
): Answerer {
  return {
    choose: (own, tenantModels) => {
      const allowed = modelsOfTenant(listed, tenantModels);
      const name = own ?? allowed[0] ?? extractiveName;
      if (!model || name === extractiveName) return { kind: 'extractive', name: extractiveName };
      // Of a synthetic tenant: outside a warm-up the model itself refuses it.
      if (name !== stubModelName)
        requireAllowedModel(allowed, name, 'conflict', 'Choose another one in the settings of the brain.');
      return { kind: 'model', name };
    },
    answer: async function* (question, tokenUsage, signal) {
      const text = searchText(question.text, question.history);
      const passages = await retrieval.find({ ...question, text }, tokenUsage, signal);
      signal.throwIfAborted();
      if (model && question.answerer.kind === 'model') yield* fromModel(model, question, passages, tokenUsage, signal);
      else yield* fromQuotes(text, question.text, passages);
    },
  };
}

async function* fromModel(
  model: LanguageModel,
  question: Question,
  passages: readonly Passage[],
  tokenUsage: TokenUsage,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart> {
  const { text, history, callerInstructions, answerer } = question;
  const boundary = randomBytes(8).toString('hex');
  const prompt = buildPrompt({ question: text, passages, history, boundary, callerInstructions });
  tokenUsage.tokensIn = prompt.tokens;
  yield { found: passages.length };
  const marks = createMarkReader(passages);
  let cited = 0;
  for await (const piece of model.stream({ name: answerer.name, ...prompt, tokenUsage, signal })) {
    yield { text: piece };
    for (const citation of marks.push(piece)) {
      cited += 1;
      yield { citation };
    }
  }
  // An answer that rests on no passage is not from the documents.
  if (cited === 0) yield* cite(extract(text, passages).quotes.slice(0, nearestMax));
  yield { answered: cited > 0 };
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
  yield { answered };
}

function* cite(quotes: readonly Quote[]): Generator<AnswerPart> {
  for (const [index, quote] of quotes.entries()) yield { citation: quoteCitation(index + 1, quote) };
}
