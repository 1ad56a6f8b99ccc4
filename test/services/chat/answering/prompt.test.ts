/** What a model reads: rules, passages with their place, and as much history as its context holds. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Passage } from '../../../../services/chat/answering/passages.ts';
import { buildPrompt } from '../../../../services/chat/answering/prompt.ts';

const passage = (n: number, text: string, heading = ''): Passage => ({
  n,
  documentId: `document-${n}`,
  documentName: `${n}.pdf`,
  pageNumber: n,
  start: 0,
  end: text.length,
  text,
  heading,
  similarity: null,
});
const given = { question: 'How long?', history: [], boundary: 'b', passages: [passage(1, 'Fourteen days.')] };

test('each passage stands with its document, its page and its headings', () => {
  const passages = [passage(1, 'Fourteen days.', 'Returns > Refunds > When'), passage(2, 'On weekdays.')];
  const { messages } = buildPrompt({ ...given, passages });
  expect(messages.at(-1)?.content).toBe(
    [
      '<passage-b>',
      '{"number":1,"document":"1.pdf","page":1,"heading":"Returns > Refunds > When"}',
      'Fourteen days.',
      '</passage-b>',
      '<passage-b>',
      '{"number":2,"document":"2.pdf","page":2}',
      'On weekdays.',
      '</passage-b>',
      '',
      'Question: How long?',
    ].join('\n'),
  );
});

test('prompt and answer fit into three quarters of the context, the best passages before any history', () => {
  const textOf = (min: number, max: number) =>
    fc.tuple(fc.constantFrom('가', 'a ', '한 a'), fc.integer({ min, max })).map(([unit, times]) => unit.repeat(times));
  const exchange = fc.record({ question: textOf(1, 100), answer: textOf(100, 2000) });
  const texts = fc.array(textOf(100, 600), { minLength: 1, maxLength: 16 });
  fc.assert(
    fc.property(fc.integer({ min: 4000, max: 20_000 }), texts, fc.array(exchange, { maxLength: 20 }), (...all) => {
      const [contextTokens, found, history] = all;
      const passages = found.map((text, at) => passage(at + 1, text));
      const {
        tokens,
        answerTokensMax,
        passages: kept,
        messages,
      } = buildPrompt({
        ...given,
        passages,
        history,
        contextTokens,
      });
      expect(tokens + answerTokensMax).toBeLessThanOrEqual(contextTokens * 0.75 + 20); // Rounded up for each text.
      expect(kept).toEqual(passages.slice(0, kept.length));
      expect(kept.length).toBeGreaterThan(0);
      const shown = messages.slice(0, -1).filter(({ role }) => role === 'user');
      expect(shown.map(({ content }) => content)).toEqual(
        history.slice(history.length - shown.length).map(({ question }) => question),
      );
    }),
  );
});

test('of a model whose context is unknown everything found and 1,200 tokens of history are read', () => {
  const history = Array.from({ length: 9 }, (_, at) => ({ question: `${at}`, answer: 'a'.repeat(1200) }));
  const passages = Array.from({ length: 16 }, (_, at) => passage(at + 1, 'a'.repeat(1200)));
  const prompt = buildPrompt({ ...given, history, passages });
  expect([prompt.passages.length, prompt.answerTokensMax]).toEqual([16, 2000]);
  expect(prompt.messages.slice(0, -1).flatMap(({ role, content }) => (role === 'user' ? [content] : []))).toEqual([
    '6',
    '7',
    '8',
  ]);
});
