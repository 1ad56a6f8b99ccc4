import { expect, test } from '@jest/globals';
import { defaultHabits } from '../../../environments/capacity/model.ts';
import { answerUsd, promisedModelLines } from '../../../environments/capacity/model-cost.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { totalUsd } from '../../../environments/pricing/lines.ts';
import { sample } from '../sample.ts';

const model = { name: 'm', url: 'https://models.test/v1', contextTokens: 128_000 };
const priced = { ...model, usdPerMillionTokens: { in: 0.5, out: 2 } };

test('an answer by hand: 5,400 tokens read, 240 written', () => {
  expect(answerUsd(resolveEnvironment(sample({ models: [priced] })), defaultHabits)).toBeCloseTo(
    (5400 * 0.5 + 240 * 2) / 1e6,
    12,
  );
  expect(answerUsd(resolveEnvironment(sample()), defaultHabits)).toBe(0);
  expect(answerUsd(resolveEnvironment(sample({ models: [model] })), defaultHabits)).toBeUndefined();
});

test('a promised month by hand: five hours of each day', () => {
  const embeddingModel = { url: 'https://models.test/v1', model: 'e', dimensions: 4, usdPerMillionTokens: 0.02 };
  const environment = resolveEnvironment(
    sample({ models: [priced], embeddingModel, carries: { chatsPerMinute: 10, pagesPerMinute: 100 } }),
  );
  const minutes = (5 * 60 * 365) / 12;
  const lines = promisedModelLines(environment, defaultHabits);
  expect(lines.map(({ monthlyUsd }) => monthlyUsd)).toEqual([
    expect.closeTo((10 * minutes * 5400 * 0.5) / 1e6, 6),
    expect.closeTo((10 * minutes * 240 * 2) / 1e6, 6),
    expect.closeTo((100 * minutes * 2.11 * 300 * 0.02) / 1e6, 6),
  ]);
  expect(totalUsd(promisedModelLines({ ...environment, carries: undefined }, defaultHabits))).toBe(0);
});
