import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lexicalHashing } from '../../../../services/shared/models/lexical-hashing.ts';

const embed = (text: string) => lexicalHashing(text, 384);
const cosine = (left: string, right: string) => {
  const other = embed(right);
  return embed(left).reduce((sum, value, at) => sum + value * (other[at] as number), 0);
};

test('every vector has the asked length, no NaN and norm 1, or 0 without letters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 1, max: 512 }), (text, dimensions) => {
      const vector = lexicalHashing(text, dimensions);
      const norm = Math.hypot(...vector);
      expect(vector).toHaveLength(dimensions);
      expect(norm < 1e-9 || Math.abs(norm - 1) < 1e-9).toBe(true);
    }),
  );
  expect(embed('')).toEqual(Array(384).fill(0));
  expect(embed('?!… --- ()')).toEqual(Array(384).fill(0));
});

test('the arithmetic is pinned: another result needs another model name', () => {
  expect(lexicalHashing('Bulkhead 칸막이', 8).map((value) => Number(value.toFixed(4)))).toMatchInlineSnapshot(`
    [
      -0.5306,
      -0.1376,
      -0.2555,
      0,
      0.1376,
      0.2555,
      -0.3931,
      0.6289,
    ]
  `);
});

test('case, width and Unicode form do not matter', () => {
  expect(embed('ＰＤＦ Café')).toEqual(embed('pdf cafe\u0301'));
  expect(embed('한국어'.normalize('NFD'))).toEqual(embed('한국어'));
});

test('texts that share words are near, others are far', () => {
  const page = 'A vector index is built in seconds once a table has more than ten thousand rows.';
  expect(cosine('When is the vector index built?', page)).toBeGreaterThan(0.3);
  expect(cosine('Which payment methods do you accept?', page)).toBeLessThan(0.2);
  expect(cosine('indexing tables', page)).toBeGreaterThan(cosine('holiday schedule', page));
});

test('Korean endings do not hide the word', () => {
  const page = '연차휴가는 입사일을 기준으로 계산하며, 회사는 이를 매년 통지한다.';
  expect(cosine('연차휴가 계산 기준', page)).toBeGreaterThan(0.3);
  expect(cosine('결제 수단을 알려 주세요', page)).toBeLessThan(0.15);
  expect(cosine('PDF를', 'pdf')).toBeGreaterThan(0.4);
});

test('a very long word and a very long text end', () => {
  expect(embed('x'.repeat(100_000))).toHaveLength(384);
  expect(embed('wort '.repeat(20_000))).toHaveLength(384);
});
