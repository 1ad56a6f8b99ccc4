/**
 * What providers ask for their models at their own addresses, in US dollars per million tokens. A model that is not here,
 * or is asked at another address, has no known price: nobody guesses one, and what an environment states goes before.
 *
 * Left out are models whose price depends on the length of the text or the time of day. Read from the providers' pages by
 * github.com/pydantic/genai-prices at 47df840a5ab1 (2026-08-21); `checked` is the day on which that page was read.
 */

export interface TokenPrice {
  readonly in: number;
  readonly out: number;
}

export interface KnownPrice extends TokenPrice {
  readonly checked: string;
}

interface Provider {
  /** Its page of prices. */
  readonly source: string;
  readonly models: Readonly<Record<string, KnownPrice>>;
}

const usd = (given: number, written: number, checked: string): KnownPrice => ({ in: given, out: written, checked });

/** By host of the endpoint. */
export const providers: Readonly<Record<string, Provider>> = {
  'api.openai.com': {
    source: 'https://developers.openai.com/api/docs/pricing',
    models: {
      'gpt-4o': usd(2.5, 10, '2025-07-04'),
      // Dearer than the later versions, which that copy gives it the price of; so in several price tables in public code.
      'gpt-4o-2024-05-13': usd(5, 15, '2026-11-28'),
      'gpt-4o-mini': usd(0.15, 0.6, '2025-07-04'),
      'gpt-4.1': usd(2, 8, '2025-07-04'),
      'gpt-4.1-mini': usd(0.4, 1.6, '2025-07-04'),
      'gpt-4.1-nano': usd(0.1, 0.4, '2025-07-04'),
      'gpt-5': usd(1.25, 10, '2025-11-13'),
      'gpt-5-mini': usd(0.25, 2, '2025-11-13'),
      'gpt-5-nano': usd(0.05, 0.4, '2025-11-13'),
      'gpt-5.1': usd(1.25, 10, '2025-11-13'),
      'gpt-5.2': usd(1.75, 14, '2025-12-11'),
      'gpt-5.3': usd(1.75, 14, '2026-05-07'),
      'gpt-5.4-mini': usd(0.75, 4.5, '2026-03-18'),
      'gpt-5.4-nano': usd(0.2, 1.25, '2026-03-18'),
      'gpt-5.5': usd(5, 30, '2026-04-24'),
      'text-embedding-3-small': usd(0.02, 0, '2025-07-04'),
      'text-embedding-3-large': usd(0.13, 0, '2025-07-04'),
    },
  },
  'api.anthropic.com': {
    source: 'https://www.anthropic.com/pricing#api',
    models: {
      'claude-haiku-4-5': usd(1, 5, '2026-07-29'),
      'claude-opus-4-5': usd(5, 25, '2026-07-29'),
      'claude-opus-4-8': usd(5, 25, '2026-07-29'),
      'claude-opus-5': usd(5, 25, '2026-07-29'),
    },
  },
  'generativelanguage.googleapis.com': {
    source: 'https://ai.google.dev/gemini-api/docs/pricing',
    models: {
      'gemini-3.5-flash': usd(1.5, 9, '2026-05-19'),
      'gemini-3.5-flash-lite': usd(0.3, 2.5, '2026-07-22'),
    },
  },
  'api.mistral.ai': {
    source: 'https://mistral.ai/pricing#api-pricing',
    models: {
      'mistral-small-2603': usd(0.15, 0.6, '2026-06-09'),
      'mistral-large-2512': usd(0.5, 1.5, '2026-06-09'),
      'ministral-14b-2512': usd(0.2, 0.2, '2026-06-09'),
    },
  },
  'api.deepseek.com': {
    source: 'https://api-docs.deepseek.com/quick_start/pricing',
    models: {
      'deepseek-v4-flash': usd(0.14, 0.28, '2026-05-12'),
      'deepseek-v4-pro': usd(0.435, 0.87, '2026-06-02'),
    },
  },
  'api.groq.com': {
    source: 'https://groq.com/pricing/',
    models: {
      'llama-3.3-70b-versatile': usd(0.59, 0.79, '2025-08-12'),
      'openai/gpt-oss-120b': usd(0.15, 0.6, '2025-08-06'),
      'openai/gpt-oss-20b': usd(0.075, 0.3, '2025-08-06'),
    },
  },
  'api.voyageai.com': {
    source: 'https://docs.voyageai.com/docs/pricing',
    models: {
      'voyage-4': usd(0.06, 0, '2026-06-18'),
      'voyage-4-large': usd(0.12, 0, '2026-06-18'),
      'voyage-4-lite': usd(0.02, 0, '2026-06-18'),
      'voyage-3.5': usd(0.06, 0, '2026-06-18'),
    },
  },
};

/** As in `gpt-5-mini-2025-08-07`: a version of a model costs what the model does. */
const versionDate = /-\d{4}-\d{2}-\d{2}$/;

/** Null: unknown. @param url the endpoint's base URL */
export function knownPrice(url: string, model: string): TokenPrice | null {
  if (!URL.canParse(url)) return null;
  const { models } = providers[new URL(url).host] ?? {};
  const known = [model, model.replace(versionDate, '')].find((name) => models && Object.hasOwn(models, name));
  const price = known === undefined ? undefined : models?.[known];
  return price ? { in: price.in, out: price.out } : null;
}

/** @throws Error for what is no price; `''`: none is stated */
export function statedPriceUsd(setting: string, given: string, example = '0.02'): number | null {
  if (given === '') return null;
  const price = Number(given);
  if (Number.isFinite(price) && price >= 0) return price;
  throw new Error(`${setting} is '${given}', allowed is a number from 0, as ${example}; empty: unknown.`);
}
