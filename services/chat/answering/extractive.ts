/**
 * The built-in answerer: no language model. It quotes the sentences that share most of the question's
 * words, rare ones counting more, in the passages that the search is surest of; and says so when nothing is sure enough. Pure.
 *
 * Its honest limit: it finds sentences, it does not combine, count, translate or conclude.
 */

import { type Sentence, sentencesOf } from '../../shared/sentences.ts';
import type { Passage } from './passages.ts';
import { lineCharsMax, rowsOf } from './rows.ts';
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
 * Below this the documents do not answer: the share of the question's words that the sentence holds, plus the cosine of
 * its passage. Chosen on XQuAD where 5 % of what is answered is refused. By halves of its articles, refused of what is
 * answered and of what is asked without its article: English 5.6 and 92 %, 2.8 and 91 %; Chinese 4.4 and 88 %, 4.0 and
 * 86 %. Nothing was fitted on Korean (114 questions: 13 and 94 %) or on the R manual (245: 2 and 96 %). Where other paragraphs of the
 * same article are there, only 60 to 70 % of what is not answered is refused (Korean 47 %).
 */
const evidenceMin = 0.65;
/** Of what answers, and of what does not, about as often above as below: without vectors the words decide. */
const similarityUnknown = 0.3;
/** Further quotes must hold nearly as much of the question as the best one. */
const ofBest = 0.75;
const quotesMax = 3;
/** The search, or a reranker, ranks passages by more than words: between equal sentences its order decides. */
const rankWeight = 0.1;

export function extract(question: string, passages: readonly Passage[]): Extract {
  const terms = questionTerms(question);
  const asked = fold(question);
  const sentences = passages.flatMap((passage) =>
    withAnswers(passage.text, sentencesOf(passage.text))
      .filter(({ text }) => tellsMore(text, asked))
      .map((sentence) => ({ passage, sentence, folded: fold(sentence.text) })),
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
      const evidence = coverage + (passage.similarity ?? similarityUnknown);
      return { quote, evidence, score: evidence - rankWeight * (passage.n - 1) };
    })
    .sort((a, b) => b.score - a.score);
  const answered = (ranked[0]?.evidence ?? 0) >= evidenceMin;
  const quotes = ranked.map(({ quote }) => quote);
  const enough = answered ? ofBest * (quotes[0]?.coverage ?? 0) : 0;
  const near = distinct(quotes.filter(({ coverage }) => coverage >= enough)).slice(0, quotesMax);
  return { answered, quotes: near.map((quote) => narrowed(quote, terms, weights)) };
}

/** Rows of a table, a list or code have no full stop: read as one sentence, the row that holds nearly all is quoted. */
function narrowed(quote: Quote, terms: readonly string[], weights: readonly number[]): Quote {
  const held = (text: string) => {
    const folded = fold(text);
    return terms.reduce((sum, term, at) => sum + (weights[at] as number) * termMatch(term, folded), 0);
  };
  const [best] = rowsOf(quote.text, lineCharsMax(quote.passage.text))
    .map((row) => ({ row, held: held(row.text) }))
    .toSorted((a, b) => b.held - a.held);
  const all = held(quote.text);
  if (!best || all === 0 || best.held < ofBest * all) return quote;
  const { start, end, text } = best.row;
  return { ...quote, start: quote.start + start, end: quote.start + end, text };
}

/** "Portugal." answers nothing that is asked of Portugal: all its words are the question's. */
const tellsMore = (text: string, asked: string) =>
  text.length > asked.length || questionTerms(text).some((term) => termMatch(term, asked) < 1);

const asks = /[?？]["'”’」』)）]*\s*$/;

/** A question answers none: it is quoted with the sentence after it, as in a list of questions and answers. */
function withAnswers(text: string, sentences: readonly Sentence[]): Sentence[] {
  const joined: Sentence[] = [];
  for (let at = 0; at < sentences.length; at += 1) {
    const sentence = sentences[at] as Sentence;
    const answer = asks.test(sentence.text) ? sentences[at + 1] : undefined;
    if (answer) at += 1;
    const end = (answer ?? sentence).end;
    joined.push({ start: sentence.start, end, text: text.slice(sentence.start, end) });
  }
  return joined;
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
