/** The list of models of an environment: its field `models`, and the setting MODELS as JSON. Data only. */
import { z } from 'zod';

/** As a tenant and a brain name it. The comma separates names in MODELS_ALLOWED. */
export const modelName = z.string().regex(/^[^,\s]{1,120}$/, 'must be 1 to 120 characters without space or comma');

const price = z.number().min(0).max(1_000_000);

export const modelEntry = z.strictObject({
  name: modelName,
  /** Base URL of an endpoint that speaks OpenAI's protocol. @example 'https://api.openai.com/v1' */
  url: z.url(),
  /** What the endpoint calls it. @default its name */
  model: z.string().min(1).max(200).optional(),
  /** Tokens that it reads and writes in one call. Fewer hold no passages beside an answer. */
  contextTokens: z.int().min(4000).max(100_000_000),
  /** US dollars per million tokens. Absent: as known-prices.ts says of the provider; of others it is unknown. */
  usdPerMillionTokens: z.strictObject({ in: price, out: price }).optional(),
  /** Limits of the account. Absent: none. */
  requestsPerMinute: z.int().min(1).optional(),
  tokensPerMinute: z.int().min(1).optional(),
  /** Which of the keys in the secret MODEL_API_KEYS. Absent: none is sent. */
  key: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, hyphens or underscores')
    .optional(),
  /**
   * Answers of all replicas together that its endpoint ({@link endpointOf}) gives at a time, whichever models of this list it
   * has: what one GPU, one account takes. Absent: as another model there says; none says: no bound.
   */
  maxInFlight: z.int().min(1).max(1024).optional(),
  /** The model of this list that is asked when this one fails before a word came. Absent: none. */
  fallback: modelName.optional(),
});
export type ModelEntry = z.output<typeof modelEntry>;

/** One GPU, one account: an address, without what may be secret in it, and the name of the key it is asked with. */
export function endpointOf({ url, key }: Pick<ModelEntry, 'url' | 'key'>): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.replace(/\/+$/, '')}${key === undefined ? '' : `#${key}`}`;
}

/** Of each endpoint that has a bound. */
export function endpointBounds(models: readonly ModelEntry[]): ReadonlyMap<string, number> {
  return new Map(
    models.flatMap((model) =>
      model.maxInFlight === undefined ? [] : [[endpointOf(model), model.maxInFlight] as const],
    ),
  );
}

/** More than people choose from. */
const modelsMax = 20;

/** The first one answers where a brain names none. */
export const modelList = z
  .array(modelEntry)
  .min(1)
  .max(modelsMax)
  .superRefine((models, { addIssue }) => {
    const names = models.map(({ name }) => name);
    const bounds = endpointBounds(models);
    for (const [index, model] of models.entries()) {
      const { name, fallback, maxInFlight } = model;
      const fault = (field: string, message: string) => addIssue({ code: 'custom', path: [index, field], message });
      if (names.indexOf(name) !== index) fault('name', `given '${name}' twice; allowed is once`);
      if (name === 'extractive') fault('name', "given 'extractive', which is the built-in answerer; choose another");
      if (fallback !== undefined && (fallback === name || !names.includes(fallback)))
        fault('fallback', `given '${fallback}'; allowed is another model of this list`);
      const bound = bounds.get(endpointOf(model));
      if (maxInFlight !== undefined && maxInFlight !== bound)
        fault(
          'maxInFlight',
          `given ${maxInFlight} and ${bound} for '${endpointOf(model)}'; allowed is one for an endpoint`,
        );
    }
  });

/** The secret MODEL_API_KEYS: a key under each name that models of the list refer to. */
export const modelKeys = z.record(z.string(), z.string());
