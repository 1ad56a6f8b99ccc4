/** Prices of models: each with its source and its day, none guessed. */
import { expect, test } from '@jest/globals';
import { knownPrice, providers, statedPriceUsd } from '../../../../services/shared/ledger/known-prices.ts';

test('a price belongs to a model at its provider, and to nobody else', () => {
  expect(knownPrice('https://api.openai.com/v1', 'gpt-4.1-mini')).toEqual({ in: 0.4, out: 1.6 });
  expect(knownPrice('https://api.openai.com/v1/', 'gpt-4.1-mini-2025-04-14')).toEqual({ in: 0.4, out: 1.6 });
  // A version with a price of its own.
  expect(knownPrice('https://api.openai.com/v1', 'gpt-4o-2024-05-13')).toEqual({ in: 5, out: 15 });
  expect(knownPrice('https://api.openai.com/v1', 'gpt-4o-2024-08-06')).toEqual({ in: 2.5, out: 10 });
  for (const url of ['https://gateway.example.com/v1', 'http://localhost:11434/v1', 'no url'])
    expect(knownPrice(url, 'gpt-4.1-mini')).toBeNull();
  for (const model of ['gpt-4.1-mini-long', 'toString', 'gpt-99'])
    expect(knownPrice('https://api.openai.com/v1', model)).toBeNull();
});

test('each price says where and when it was read, and none is 0 for what is read', () => {
  for (const { source, models } of Object.values(providers)) {
    expect(source).toMatch(/^https:\/\//);
    for (const price of Object.values(models)) {
      expect(price.checked).toMatch(/^202\d-\d\d-\d\d$/);
      expect(price.in).toBeGreaterThan(0);
    }
  }
});

test('a stated price is a number from 0; nothing stated is unknown', () => {
  expect([statedPriceUsd('X', '0'), statedPriceUsd('X', '1.5'), statedPriceUsd('X', '')]).toEqual([0, 1.5, null]);
  for (const given of ['cheap', '-1', 'Infinity', 'NaN'])
    expect(() => statedPriceUsd('X', given)).toThrow(`X is '${given}', allowed is a number from 0, as 0.02`);
});
