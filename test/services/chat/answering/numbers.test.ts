/** Numbers of a text, however they are written. */
import { expect, test } from '@jest/globals';
import { figuresOf, numbersOf } from '../../../../services/chat/answering/numbers.ts';

test.each([
  ['1,000 and 1000 and 1.000 and 1 000', ['1000']],
  ['3.50, 3,5', ['3.5']],
  ['1,250.50 EUR', ['1250.5']],
  ['on 12/31/2026', ['12', '31', '2026']],
  ['1. One\n2. Two\n12 eggs', ['12']],
  ['１４일', ['14']],
  ['fourteen', []],
])('figures of %j', (text, figures) => {
  expect([...figuresOf(text)]).toEqual(figures);
});

test.each([
  ['within thirty days', '30'],
  ['twenty-five', '25'],
  ['one hundred and twenty', '120'],
  ['two thousand five hundred', '2500'],
  ['three million', '3000000'],
  ['Eleven', '11'],
  ['삼십 일', '30'],
  ['백이십', '120'],
  ['이천오백', '2500'],
  ['삼만', '30000'],
  ['열네 살', '14'],
  ['스물', '20'],
  ['다섯 명', '5'],
  ['二十日', '20'],
  ['两千五百', '2500'],
  ['in 40 days', '40'],
])('%j says %s', (text, number) => {
  expect([...numbersOf(text)]).toContain(number);
});

test('a text without numbers has none', () => {
  expect([...numbersOf('Refunds are paid by bank transfer. Often, someone is tenacious.')]).toEqual([]);
});
