import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSurrogateJoiner, storableJson, storableText } from '../../../../services/chat/turns/storable.ts';

test('a pair that the stream cut in two is joined, wherever the cuts are', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(20)), (text, cuts) => {
      const mender = createSurrogateJoiner();
      let mended = '';
      let at = 0;
      for (const cut of cuts) {
        mended += mender.push(text.slice(at, at + cut));
        at += cut;
      }
      expect(mended + mender.push(text.slice(at)) + mender.end()).toBe(storableText(text));
    }),
  );
});

test('half a pair and NUL become U+FFFD, also at the end', () => {
  const mender = createSurrogateJoiner();
  expect([
    mender.push('a\0b\ud83d'),
    mender.push('c\ude00'),
    mender.push('\ud83d'),
    mender.end(),
    mender.end(),
  ]).toEqual(['a\uFFFDb', '\uFFFDc\uFFFD', '', '\uFFFD', '']);
});

test('every string of a value is mended, and nothing else changes', () => {
  const value = { text: 'x\0\ud83d', list: ['\udc00', 1, null, true], deep: { emoji: '😀' } };
  expect(JSON.parse(storableJson(value))).toEqual({
    text: 'x\uFFFD\uFFFD',
    list: ['\uFFFD', 1, null, true],
    deep: { emoji: '😀' },
  });
});
