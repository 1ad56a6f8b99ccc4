/** How a prediction is held against a measurement, and which parts of a bench are asked for. */
import { afterEach, expect, test } from '@jest/globals';
import { rowsOf } from './compared.ts';
import { partsOf } from './parts.ts';

const verdict = (measured: number, predicted: number | readonly [number, number], comparable = true) => {
  const [, error] = rowsOf({ name: 'a', unit: 's', measured, predicted }, comparable);
  return [error?.verdict, Number(error?.value.toFixed(3))];
};

test('a figure is held within 15 % of its prediction', () => {
  expect(verdict(114, 100)).toEqual(['holds', 14]);
  expect(verdict(86, 100)).toEqual(['holds', -14]);
  expect(verdict(116, 100)).toEqual(['FAILS', 16]);
  expect(verdict(116, 100, false)).toEqual(['told', 16]);
  expect(verdict(Number.NaN, 100)[0]).toBe('MISSING');
  // None where none are predicted; one is endlessly many more.
  expect(verdict(0, 0)).toEqual(['holds', 0]);
  expect(verdict(1, 0)[0]).toBe('MISSING');
});

test('a range is no error inside, and as far off as its nearer end outside', () => {
  expect(verdict(100, [100, 400])).toEqual(['holds', 0]);
  expect(verdict(390, [100, 400])).toEqual(['holds', 0]);
  expect(verdict(80, [100, 400])).toEqual(['FAILS', -20]);
  expect(verdict(440, [100, 400])).toEqual(['holds', 10]);
  expect(verdict(480, [100, 400])).toEqual(['FAILS', 20]);
});

afterEach(() => {
  delete process.env.TEST_PARTS;
});

test('parts are those that are named, in their own order; without the variable all', () => {
  const all = ['one', 'two', 'three'] as const;
  expect(partsOf('TEST_PARTS', all)).toEqual(all);
  process.env.TEST_PARTS = 'three,one';
  expect(partsOf('TEST_PARTS', all)).toEqual(['one', 'three']);
  process.env.TEST_PARTS = 'one,four';
  expect(() => partsOf('TEST_PARTS', all)).toThrow('given TEST_PARTS=one,four; allowed: some of one,two,three');
});
