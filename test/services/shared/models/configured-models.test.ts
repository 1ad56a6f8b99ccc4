/** The models of an environment, from its settings: one at an endpoint, or a list with keys by reference. */
import { expect, test } from '@jest/globals';
import {
  configuredModels,
  costUsd,
  type ModelSettings,
  modelNames,
} from '../../../../services/shared/models/configured-models.ts';

const none: ModelSettings = {
  MODELS: '',
  MODEL_API_KEYS: '',
  MODEL_URL: '',
  MODEL_NAME: '',
  MODELS_ALLOWED: '',
  MODEL_API_KEY: '',
};
const url = 'https://models.example.com/v1';
const listOf = (...models: object[]) =>
  JSON.stringify(models.map((model) => ({ name: 'one', url, contextTokens: 8000, ...model })));

test('one endpoint, its default model first', () => {
  const settings = { ...none, MODEL_URL: url, MODEL_NAME: 'a', MODELS_ALLOWED: 'b, a,c', MODEL_API_KEY: 'k' };
  const unknown = {
    endpoint: url,
    contextTokens: null,
    price: null,
    maxInFlight: null,
    fallback: null,
    requestsPerMinute: 0,
    tokensPerMinute: 0,
  };
  expect(configuredModels(settings)).toEqual(
    ['a', 'b', 'c'].map((name) => ({ name, model: name, url, apiKey: 'k', ...unknown })),
  );
  expect(modelNames(settings)).toEqual(['a', 'b', 'c']);
  expect([configuredModels(none), modelNames(none)]).toEqual([[], []]);
});

test('a list, each with what it says of itself and the key that it names', () => {
  const MODELS = listOf(
    { key: 'mine', model: 'vendor/one', maxInFlight: 4, usdPerMillionTokens: { in: 0.5, out: 0 }, fallback: 'two' },
    { name: 'two' },
  );
  const settings = { ...none, MODELS, MODEL_API_KEYS: '{"mine":"k","other":"o"}' };
  const common = { url, contextTokens: 8000, requestsPerMinute: 0, tokensPerMinute: 0 };
  expect(configuredModels(settings)).toEqual([
    {
      ...common,
      name: 'one',
      model: 'vendor/one',
      apiKey: 'k',
      price: { in: 0.5, out: 0 },
      endpoint: `${url}#mine`,
      maxInFlight: 4,
      fallback: 'two',
    },
    { ...common, endpoint: url, name: 'two', model: 'two', apiKey: '', price: null, maxInFlight: null, fallback: null },
  ]);
  expect(modelNames(settings)).toEqual(['one', 'two']);
});

test('models at one address, asked with one key, are one endpoint and have its bound', () => {
  const secret = url.replace('//', '//user:secret@');
  const MODELS = listOf(
    { maxInFlight: 4 },
    { name: 'two', url: `${secret}/` },
    { name: 'three', key: 'mine' },
    { name: 'four', url: 'https://models.example.com/other/v1' },
  );
  const models = configuredModels({ ...none, MODELS, MODEL_API_KEYS: '{"mine":"k"}' });
  expect(models.map(({ endpoint, maxInFlight }) => [endpoint, maxInFlight])).toEqual([
    [url, 4],
    [url, 4],
    [`${url}#mine`, null],
    ['https://models.example.com/other/v1', null],
  ]);
});

test.each<[Partial<ModelSettings>, string | RegExp]>([
  [{ MODEL_URL: url }, `MODEL_URL is '${url}', so MODEL_NAME must name a model there.`],
  [{ MODEL_URL: url, MODELS: listOf({}) }, 'MODELS and MODEL_URL are both set, allowed is one of them.'],
  [{ MODELS: 'gpt' }, 'MODELS is no JSON. docs/operating.md has an example.'],
  [{ MODELS: '[]' }, /^MODELS is not as docs\/operating.md says:\n.*>=1 items/],
  [{ MODELS: listOf({}, {}) }, /given 'one' twice; allowed is once/],
  [{ MODELS: listOf({ name: 'extractive' }) }, /given 'extractive', which is the built-in answerer/],
  [{ MODELS: listOf({ fallback: 'two' }) }, /given 'two'; allowed is another model of this list/],
  [{ MODELS: listOf({ fallback: 'one' }) }, /given 'one'; allowed is another model of this list/],
  [{ MODELS: listOf({ contextTokens: 3999 }) }, />=4000/],
  [
    { MODELS: listOf({ maxInFlight: 4 }, { name: 'two', maxInFlight: 8 }) },
    /given 4 and 8 for 'https:\/\/models.example.com\/v1'; allowed is one for an endpoint/,
  ],
  [{ MODELS: listOf({ price: 1 }) }, /"price"/],
  [
    { MODELS: listOf({ key: 'mine' }), MODEL_API_KEYS: '{"other":"secret"}' },
    "The model 'one' has the key 'mine', and MODEL_API_KEYS has none of that name: add it there.",
  ],
])('what cannot be is refused: %j', (given, message) => {
  expect(() => configuredModels({ ...none, ...given })).toThrow(message);
});

test('what is wrong with the keys is told without them', () => {
  for (const MODEL_API_KEYS of ['sk-secret', '{"mine":["sk-secret"]}', '["sk-secret"]']) {
    const read = () => configuredModels({ ...none, MODELS: listOf({ key: 'mine' }), MODEL_API_KEYS });
    expect(read).toThrow('MODEL_API_KEYS');
    expect(read).not.toThrow('sk-secret');
  }
});

test('a cost is rounded up to a millionth of a dollar, and unknown without a price', () => {
  const price = { in: 0.25, out: 2 };
  expect(costUsd(price, 1_000_000, 1_000_000)).toBe(2.25);
  expect(costUsd(price, 1, 0)).toBe(0.000001);
  expect(costUsd(price, 100, 20)).toBe(0.000065);
  expect(costUsd({ in: 0.1, out: 0.2 }, 3, 0)).toBe(0.000001);
  expect(costUsd(price, 0, 0)).toBe(0);
  expect(costUsd(null, 10, 10)).toBeNull();
});

test("a model at its provider has the provider's price, unless the environment states another; elsewhere it is unknown", () => {
  const openai = 'https://api.openai.com/v1';
  const MODELS = listOf(
    { url: openai, model: 'gpt-4.1-mini' },
    { name: 'two', url: openai, model: 'gpt-4.1-mini', usdPerMillionTokens: { in: 0.3, out: 1 } },
    { name: 'three', model: 'gpt-4.1-mini' },
  );
  expect(configuredModels({ ...none, MODELS }).map(({ price }) => price)).toEqual([
    { in: 0.4, out: 1.6 },
    { in: 0.3, out: 1 },
    null,
  ]);
  expect(configuredModels({ ...none, MODEL_URL: openai, MODEL_NAME: 'gpt-5-mini' })[0]?.price).toEqual({
    in: 0.25,
    out: 2,
  });
});
