import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createAnswerer } from '../../../../services/chat/answering/answerer.ts';
import { type Passage, toPassages } from '../../../../services/chat/answering/passages.ts';
import { searchCharactersMax, searchText } from '../../../../services/chat/answering/prompt.ts';
import { unembedded } from '../../../../services/chat/answering/retrieval.ts';
import { questionTerms } from '../../../../services/chat/answering/sentences.ts';
import { newTokenUsage } from '../../../../services/chat/turns/token-usage.ts';
import { questionCharactersMax } from '../../../../services/shared/contract/chat.ts';
import { stubVector } from '../../../support/embedding/stub-vectors.ts';

const words = Array.from({ length: 3000 }, (_, index) => `w${index.toString(36)}`);
/** As much as an answer is written from, each on a page of its own. */
const passages: readonly Passage[] = toPassages(
  Array.from({ length: 16 }, (_, page) => ({
    id: String(page),
    document_id: 'd',
    page_number: page + 1,
    start: 0,
    end: 900,
    text: Array.from({ length: 10 }, (_, at) => `The ${words.slice(at * 9, at * 9 + 9).join(' ')} of it.`).join(' '),
    heading: '',
    score: 1,
    text_score: 1,
    similarity: null,
  })),
  new Map([['d', 'manual.pdf']]),
);

/** How long the event loop is held in all: nothing here waits for anything. */
async function heldMs(question: string): Promise<number> {
  const retrieval = {
    find: async ({ text }: { readonly text: string }) => {
      stubVector(text, 384);
      return [...passages];
    },
    check: async () => {},
  };
  const answerer = createAnswerer(retrieval, null, []);
  const own = { model: null, instructions: '', ...unembedded };
  const asked = { tenantId: '', brainId: '', text: question, history: [], ...answerer.choose(own, null) };
  const start = performance.now();
  for await (const _part of answerer.answer(asked, newTokenUsage(), new AbortController().signal));
  return performance.now() - start;
}

const short = 'How long is the warranty of the second pump, and who pays when it breaks within its first ten weeks?';

test.each([
  ['of many words', words.join(' ').slice(0, questionCharactersMax)],
  ['of one Latin word', 'a'.repeat(questionCharactersMax)],
  ['of one Korean word', '가나다라마바사'.repeat(2000).slice(0, questionCharactersMax)],
  ['of one-letter words', '한 '.repeat(questionCharactersMax / 2)],
])('a question of 8,000 characters %s holds the event loop little longer than one of 100', async (_what, long) => {
  expect([short.length, long.length]).toEqual([100, questionCharactersMax]);
  // Compiled code first: it is the bound that is measured, not the compiler.
  for (let round = 0; round < 5; round += 1) await heldMs(round % 2 ? long : short);
  // The least of each: the others were held up by what else the machine does.
  const least = { short: Number.POSITIVE_INFINITY, long: Number.POSITIVE_INFINITY };
  for (let round = 0; round < 15; round += 1) {
    least.short = Math.min(least.short, await heldMs(short));
    least.long = Math.min(least.long, await heldMs(long));
  }
  expect(least.long / least.short).toBeLessThan(ratioMax);
});

/** Generous: bounded it is 2 to 5, without bounds of the terms it was 165 for many words and 30 for a Korean one. */
const ratioMax = 20;

test('what is searched for is bounded, whatever is asked and was asked before', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }), fc.nat(500))
      .map(([unit, count]) => unit.repeat(count)),
  );
  fc.assert(
    fc.property(text, fc.option(text), (question, previous) => {
      const history = previous === null ? [] : [{ question: previous, answer: '' }];
      const searched = searchText(question, history);
      expect(searched.length).toBeLessThanOrEqual(searchCharactersMax);
      expect(searched.isWellFormed()).toBe(true);
      expect(questionTerms(question).length).toBeLessThanOrEqual(32);
    }),
  );
});

test('a long question is searched by both its ends, a long word after a long question by both', () => {
  const long = `What is this? ${'pasted '.repeat(1000)} Who wrote it?`;
  expect(searchText(long, [])).toMatch(/^What is this\? .* Who wrote it\?$/);
  const word = 'x'.repeat(questionCharactersMax);
  const searched = searchText(word, [{ question: long, answer: '' }]);
  expect(searched).toMatch(/^x+ x+\nWhat is this\? .* Who wrote it\?$/);
});
