import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatPages, parsePages } from '../../../../services/shared/scheduler/page-ranges.ts';

test('pages are written as ranges', () => {
  expect(formatPages([3, 1, 2, 7, 7])).toBe('1-3,7-7');
  expect(formatPages([])).toBe('');
  expect(parsePages('1-3,7-7')).toEqual([1, 2, 3, 7]);
});

test('what is written is read again', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 5000 }), { maxLength: 200 }), (pages) => {
      expect(parsePages(formatPages(pages))).toEqual(pages.toSorted((a, b) => a - b));
    }),
  );
});
