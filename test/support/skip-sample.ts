/** What skip.test.ts lets jest run: tests whose part is missing, beside one that needs none. */
import { beforeAll, expect, test } from '@jest/globals';
import { testWith } from './skip.ts';

beforeAll(() => {
  if (process.env.SAMPLE === 'all') throw new Error('a file whose every test is skipped starts nothing');
});

const needs = testWith('no unicorn: apt-get install unicorn');
needs('rides it', () => expect(1).toBe(2));
needs.each([1, 2])('rides it %i times', () => expect(1).toBe(2));
if (process.env.SAMPLE !== 'all') test('walks', () => {});
