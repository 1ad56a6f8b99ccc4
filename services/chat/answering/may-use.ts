/** The most that a question may use, before it is asked: what is held of a day's tokens and dollars until it is settled. */
import type { MayUse } from '../../shared/ledger/reservations.ts';
import { type ConfiguredModel, costUsd } from '../../shared/models/configured-models.ts';
import { estimateTokens } from '../../shared/models/tokens.ts';
import type { Choice } from './answerer.ts';
import { passageTokensMax } from './passages.ts';
import { promptTokensMax } from './prompt.ts';

export interface AskedText {
  readonly text: string;
  readonly callerInstructions?: string | undefined;
  /** Of the conversation: it is in every prompt. */
  readonly state?: unknown;
}

/** Passages and the marks around them; one that is alone may be longer than all together. */
const passagesTokens = passageTokensMax + 1500;

/**
 * What the chosen model may read and write, and its fallback after it: a first one that is too slow bills too. Dollars are
 * those of known prices.
 */
export function answerMayUse(
  models: readonly ConfiguredModel[],
  { answerer, fallback, instructions }: Choice,
  { text, callerInstructions = '', state }: AskedText,
): MayUse {
  if (answerer.kind !== 'model') return { tokens: 0, usd: 0 };
  const texts = [text, instructions, callerInstructions, JSON.stringify(state ?? {})];
  const own = texts.reduce((all, one) => all + estimateTokens(one), passagesTokens);
  const asked = [answerer.name, fallback].flatMap((name) => models.find((model) => model.name === name) ?? []);
  return sum(
    asked.map(({ contextTokens, price }) => {
      const { read, written } = promptTokensMax(own, contextTokens);
      return { tokens: read + written, usd: costUsd(price, read, written) ?? 0 };
    }),
  );
}

/** Of a whole question: its search, and its answer where one is asked for. */
export const questionMayUse = (
  {
    retrieval,
    models,
  }: { readonly retrieval: { readonly mayUse: MayUse }; readonly models: readonly ConfiguredModel[] },
  choice: Choice | null | undefined,
  asked: AskedText,
): MayUse => sum([retrieval.mayUse, ...(choice ? [answerMayUse(models, choice, asked)] : [])]);

const sum = (uses: readonly MayUse[]): MayUse => ({
  tokens: uses.reduce((all, { tokens }) => all + tokens, 0),
  usd: uses.reduce((all, { usd }) => all + usd, 0),
});
