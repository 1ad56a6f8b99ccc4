/** The models of an environment, from its settings: a list in MODELS, or the one at MODEL_URL. */
import { z } from 'zod';
import { endpointBounds, endpointOf, type ModelEntry, modelKeys, modelList } from '../../models.ts';
import { knownPrice } from '../ledger/known-prices.ts';

export interface ModelSettings {
  readonly MODELS: string;
  readonly MODEL_API_KEYS: string;
  readonly MODEL_URL: string;
  readonly MODEL_NAME: string;
  readonly MODELS_ALLOWED: string;
  readonly MODEL_API_KEY: string;
}

/** What says which models there are; enough for who asks none. */
export type ModelNames = Pick<ModelSettings, 'MODELS' | 'MODEL_NAME' | 'MODELS_ALLOWED'>;

export type ModelPrice = NonNullable<ModelEntry['usdPerMillionTokens']>;

export interface ConfiguredModel {
  /** As a tenant and a brain name it. */
  readonly name: string;
  readonly url: string;
  /** What the endpoint calls it. */
  readonly model: string;
  /** Empty: none is sent. */
  readonly apiKey: string;
  /** Sent beside it. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Null: unknown. */
  readonly contextTokens: number | null;
  /** Limits of its account; 0: none. */
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  /** Null: unknown. */
  readonly price: ModelPrice | null;
  /** What it shares its bound with: every model of the same endpoint. No secret. */
  readonly endpoint: string;
  /** Answers of the endpoint, of all replicas together, at a time; null: no bound. */
  readonly maxInFlight: number | null;
  /** Asked when this one fails before a word came. */
  readonly fallback: string | null;
}

/** The one that is asked by default first; without a model none. @throws Error for impossible settings */
export function configuredModels(settings: ModelSettings): ConfiguredModel[] {
  const { MODEL_URL: url, MODEL_NAME, MODEL_API_KEY: apiKey } = settings;
  const listed = readList(settings);
  if (listed) {
    if (url) throw new Error('MODELS and MODEL_URL are both set, allowed is one of them.');
    const keys = settings.MODEL_API_KEYS ? readJson('MODEL_API_KEYS', settings.MODEL_API_KEYS, modelKeys) : {};
    const bounds = endpointBounds(listed);
    return listed.map(({ name, model = name, usdPerMillionTokens, key, maxInFlight: _, fallback, ...rest }) => ({
      ...rest,
      name,
      model,
      apiKey: keyOf(keys, name, key),
      price: usdPerMillionTokens ?? knownPrice(rest.url, model),
      endpoint: endpointOf({ url: rest.url, key }),
      maxInFlight: bounds.get(endpointOf({ url: rest.url, key })) ?? null,
      fallback: fallback ?? null,
      requestsPerMinute: rest.requestsPerMinute ?? 0,
      tokensPerMinute: rest.tokensPerMinute ?? 0,
    }));
  }
  if (!url) return [];
  if (!MODEL_NAME) throw new Error(`MODEL_URL is '${url}', so MODEL_NAME must name a model there.`);
  const unknown = {
    endpoint: endpointOf({ url }),
    contextTokens: null,
    maxInFlight: null,
    fallback: null,
    requestsPerMinute: 0,
    tokensPerMinute: 0,
  };
  return modelNames(settings).map((name) => ({
    ...unknown,
    name,
    url,
    model: name,
    apiKey,
    price: knownPrice(url, name),
  }));
}

/** Their names, in the same order. @throws Error as {@link configuredModels} does */
export function modelNames(settings: ModelNames): string[] {
  const listed = readList(settings);
  if (listed) return listed.map(({ name }) => name);
  const { MODEL_NAME, MODELS_ALLOWED } = settings;
  if (!MODEL_NAME) return [];
  const others = MODELS_ALLOWED.split(',').map((name) => name.trim());
  return [...new Set([MODEL_NAME, ...others])].filter((name) => name !== '');
}

const readList = ({ MODELS }: ModelNames): ModelEntry[] | null =>
  MODELS ? readJson('MODELS', MODELS, modelList) : null;

/** Never shows a value of a secret: zod's messages name places, JSON.parse's would quote the text. */
function readJson<Value>(name: string, text: string, schema: z.ZodType<Value>): Value {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new Error(`${name} is no JSON. docs/operating.md has an example.`);
  }
  const read = schema.safeParse(given);
  if (read.success) return read.data;
  throw new Error(`${name} is not as docs/operating.md says:\n${z.prettifyError(read.error)}`);
}

function keyOf(keys: Readonly<Record<string, string>>, model: string, key: string | undefined): string {
  if (key === undefined) return '';
  const found = keys[key];
  if (found) return found;
  throw new Error(`The model '${model}' has the key '${key}', and MODEL_API_KEYS has none of that name: add it there.`);
}

/** What an answer cost, rounded up to a millionth of a dollar, as the ledger holds it; null: unknown. */
export function costUsd(price: ModelPrice | null, tokensIn: number, tokensOut: number): number | null {
  if (!price) return null;
  // Two products of decimals: their last digits are noise, which must not be rounded up.
  const millionths = Number((tokensIn * price.in + tokensOut * price.out).toFixed(6));
  return Math.ceil(millionths) / 1_000_000;
}
