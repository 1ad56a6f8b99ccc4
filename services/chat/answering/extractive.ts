/**
 * The built-in answerer: no language model. It quotes the sentences of the best passages that share most of the
 * question's words, rare ones counting more, and says so when none shares enough. Pure.
 *
 * Its honest limit: it finds sentences, it does not combine, count, translate or conclude.
 */

import { sentencesOf } from '../../shared/sentences.ts';
import type { Passage } from './passages.ts';
import { fold, questionTerms, termMatch } from './sentences.ts';

export interface Quote {
  readonly passage: Passage;
  /** Offsets in the page's text. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Share of the question's words, weighted by rarity, 0 to 1. */
  readonly coverage: number;
}

export interface Extract {
  /** False: the quotes are the nearest sentences, not an answer. */
  readonly answered: boolean;
  /** Best first. */
  readonly quotes: readonly Quote[];
}

/**
 * Below this share of the question's weight a sentence is about something else: on XQuAD it refuses about four in five of what
 * is not there, in English and Chinese, and answers seven in eight of what is.
 */
const coverageMin = 0.4;
/** Further quotes must be nearly as good as the best one. */
const ofBest = 0.75;
const quotesMax = 3;
/** The search ranks passages by more than words: between equal sentences its order decides. */
const rankWeight = 0.05;

export function extract(question: string, passages: readonly Passage[]): Extract {
  const terms = questionTerms(question);
  const sentences = passages.flatMap((passage) =>
    sentencesOf(passage.text).map((sentence) => ({ passage, sentence, folded: fold(sentence.text) })),
  );
  const matches = sentences.map(({ folded }) => terms.map((term) => termMatch(term, folded)));
  // Inverse document frequency over the candidates: what every sentence says tells them not apart.
  const weights = terms.map((_, at) => {
    const found = matches.filter((match) => (match[at] as number) > 0).length;
    return Math.log(1 + (sentences.length + 1) / (found + 1));
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const ranked = sentences
    .map(({ passage, sentence }, index) => {
      const match = matches[index] as number[];
      const coverage =
        total === 0 ? 0 : weights.reduce((sum, weight, at) => sum + weight * (match[at] as number), 0) / total;
      const quote: Quote = {
        passage,
        coverage,
        start: passage.start + sentence.start,
        end: passage.start + sentence.end,
        text: sentence.text,
      };
      return { quote, score: coverage - rankWeight * (passage.n - 1) };
    })
    .sort((a, b) => b.score - a.score)
    .map(({ quote }) => quote);
  const best = ranked[0]?.coverage ?? 0;
  const answered = best >= coverageMin;
  const enough = answered ? Math.max(coverageMin, ofBest * best) : 0;
  return { answered, quotes: distinct(ranked.filter(({ coverage }) => coverage >= enough)).slice(0, quotesMax) };
}

/** The same sentence on two pages (headers, repeated clauses) is quoted once. */
function distinct(quotes: readonly Quote[]): Quote[] {
  const seen = new Set<string>();
  return quotes.filter(({ text }) => {
    const key = fold(text).replace(/\s+/g, ' ');
    return !seen.has(key) && seen.add(key);
  });
}

const korean = /\p{Script=Hangul}/u;

/** What is said when the documents do not answer, in the language of the question. */
export const notAnswered = (question: string) =>
  korean.test(question) ? '문서에서 답을 찾지 못했습니다.' : 'The documents do not answer this.';
