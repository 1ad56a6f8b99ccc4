import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chunkCharsMax, chunkPage } from '../../../../services/document-worker/index/chunk-page.ts';

test('a short page is one chunk without the white space around it', () => {
  expect(chunkPage('  Hello.\n')).toEqual([{ start: 2, end: 8, text: 'Hello.' }]);
  expect(chunkPage(' \n ')).toEqual([]);
});

test('chunks end at sentences, in English and in Korean', () => {
  for (const sentence of [
    'The quick brown fox jumps over the lazy dog. ',
    '다람쥐 헌 쳇바퀴에 타고파 오늘도 달립니다. ',
  ]) {
    const chunks = chunkPage(sentence.repeat(80));
    expect(chunks.length).toBeGreaterThan(1);
    for (const { text } of chunks) expect(text.endsWith('.')).toBe(true);
  }
});

test('a paragraph is a better border than a sentence', () => {
  const text = `${'First part. '.repeat(75)}\n\n${'Second part. '.repeat(60)}`;
  expect(chunkPage(text)[0]?.text).toBe('First part. '.repeat(75).trim());
});

/** `count` characters without a border, each word-like. */
const filler = (count: number) => 'x'.repeat(count);

test.each([
  ['a blank line', `${filler(900)}\n\n`, ''],
  ['a blank line with spaces in it', `${filler(900)}\n \t\n`, ''],
  ['a sentence that ends its line', `${filler(900)}.\n`, '.'],
  ['a quoted sentence that ends its line', `${filler(900)}?”)\n`, '?”)'],
  ['a sentence', `${filler(900)}! `, '!'],
  ['a quoted sentence', `${filler(900)}."] `, '."]'],
  ['a Japanese sentence, without a space', `${filler(900)}。`, '。'],
  ['a quoted Japanese sentence, without a space', `${filler(900)}！」"`, '！'],
  ['a line', `${filler(900)}\n`, ''],
  ['a word', `${filler(900)} `, ''],
])('where nothing better is near, a chunk ends at %s', (_, first, end) => {
  expect(chunkPage(`${first}${filler(2000)}`)[0]?.text).toBe(`${filler(900)}${end}`);
});

test.each([
  // What is worse stands behind what is better, and is not taken.
  ['a blank line before a sentence that ends its line', 'A\n\n', '.\n'],
  ['a sentence that ends its line before a sentence', '.\n', '. '],
  ['a sentence before a line', '. ', '\n'],
  ['a line before a word', '\n', ' '],
])('%s', (_, better, worse) => {
  const text = `${filler(850)}${better}${filler(100)}${worse}${filler(2000)}`;
  expect(chunkPage(text)[0]?.text).toBe(`${filler(850)}${better}`.trim());
});

test('a full stop within a word, a line with words or a bracket after it is no better border', () => {
  const middle = 'version 1.2.3 of it';
  const [first] = chunkPage(`${filler(850)}.${middle}\n${filler(2000)}`);
  expect(first?.text).toBe(`${filler(850)}.${middle}`);
  // Lines with text between them are no blank line.
  const [lines] = chunkPage(`${filler(850)}\nab\n${filler(20)}. ${filler(2000)}`);
  expect(lines?.text.endsWith('.')).toBe(true);
});

test('the last border of a kind counts, and none before 800 characters', () => {
  expect(chunkPage(`${filler(810)} ${filler(100)} ${filler(2000)}`)[0]?.text).toHaveLength(911);
  expect(chunkPage(`${filler(700)}. ${filler(200)} ${filler(2000)}`)[0]?.text).toHaveLength(902);
  expect(chunkPage(`${filler(799)} ${filler(2000)}`)[0]?.text).toHaveLength(799);
  expect(chunkPage(`${filler(798)} ${filler(2000)}`)[0]?.text).toHaveLength(1200);
});

test('what fits is one chunk, to the character; the next one more shares with its neighbour', () => {
  expect(chunkPage(filler(chunkCharsMax)).map(({ text }) => text.length)).toEqual([chunkCharsMax]);
  expect(chunkPage(filler(chunkCharsMax + 1)).map(({ text }) => text.length)).toEqual([801, 400]);
  expect(chunkPage('word '.repeat(250)).map(({ text }) => text.length)).toEqual([849, 399]);
  // The shortest is half of what is left where that is less than 800.
  const [first] = chunkPage(`${filler(700)}. ${filler(598)}`);
  expect(first?.text).toHaveLength(701);
});

test('a rest that fits is not cut again, wherever its sentences end', () => {
  const text = `${filler(900)}\n\n${filler(850)}. ${filler(200)}`;
  expect(chunkPage(text).map((chunk) => chunk.text.length)).toEqual([900, 1052]);
});

test('a pair of surrogates stays together, whether the cut falls before, between or behind it', () => {
  for (const before of [1197, 1198, 1199, 1200]) {
    const [first, second] = chunkPage(`${filler(before)}😀${filler(2000)}`);
    expect(first?.text).toBe(`${filler(before)}${before <= 1198 ? '😀' : ''}${filler(before === 1197 ? 1 : 0)}`);
    expect(second?.start).toBe(first?.end);
  }
});

test('no crumb remains at the end', () => {
  const lengths = chunkPage('word '.repeat(260)).map(({ text }) => text.length);
  expect(Math.min(...lengths)).toBeGreaterThan(380);
});

test('every character is in exactly one chunk, offsets are exact, none is too long', () => {
  const text = fc
    .array(
      fc.oneof(
        fc.lorem({ maxCount: 30, mode: 'sentences' }),
        fc.string({ unit: 'binary', maxLength: 2000 }),
        fc.constant('\n\n'),
      ),
      { maxLength: 20 },
    )
    .map((parts) => parts.join(' ').toWellFormed());
  fc.assert(
    fc.property(text, (given) => {
      let last = 0;
      for (const chunk of chunkPage(given)) {
        expect(given.slice(chunk.start, chunk.end)).toBe(chunk.text);
        expect(given.slice(last, chunk.start).trim()).toBe('');
        expect(chunk.text.length).toBeLessThanOrEqual(chunkCharsMax);
        expect(chunk.text.trim()).toBe(chunk.text);
        expect(chunk.text.isWellFormed()).toBe(true);
        last = chunk.end;
      }
      expect(given.slice(last).trim()).toBe('');
    }),
    { numRuns: 300 },
  );
});
