import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chunkCharsMax, chunkPage } from '../../../services/document-worker/chunk-page.ts';

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
