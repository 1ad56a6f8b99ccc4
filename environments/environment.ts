/**
 * An environment: one typed object that says what runs, where, and with how much. Everything else is derived from it.
 *
 * The schema below is the page of every setting. {@link resolveEnvironment} checks an object once and fills in the
 * defaults; nothing after it touches the raw object.
 */
import { z } from 'zod';
import { definitionOf, type OptionalService, type ServiceName, serviceNames } from '../services/manifest.ts';
import { awsFaults, awsSchema } from './aws.ts';
import { workerMemoryMiBMin } from './budget/scratch.ts';

/** Where a tier runs. `local` is a process of `npm start` and valid in environments with `target: 'local'` only. */
export const platforms = ['local', 'vm', 'ecs', 'kubernetes'] as const;
export type Platform = (typeof platforms)[number];

const count = z.int().positive();

type Range = { min: number; max: number };

/** `2` is `{ min: 2, max: 2 }`: a fixed count. Preprocessed, so that a fault names its own field. */
const replicas = z.preprocess(
  (given) => (typeof given === 'number' ? { min: given, max: given } : given),
  z.strictObject({ min: count.max(100), max: count.max(100) }).refine(({ min, max }) => min <= max, {
    error: ({ input }) =>
      `given min ${(input as Range).min} above max ${(input as Range).max}; allowed: min at most max`,
  }),
) as z.ZodType<Range, number | Range>;

/** A tier's budget and its place. */
export const placementSchema = z.strictObject({
  /** The one word of a swap. @example 'vm' */
  platform: z.enum(platforms),
  /** Guaranteed CPUs of one replica. @example 0.5 */
  vcpu: z.number().positive().max(64),
  /** Memory of one replica; it is killed above it. @example 1024 */
  memoryMiB: count.max(524_288),
  /** A fixed count, or a range to scale in. @default 1 */
  replicas: replicas.default({ min: 1, max: 1 }),
  /** Share of the tier's requests, in a list of placements during a live swap. @default 100 */
  weight: z.int().min(0).max(100).default(100),
  /** chat: answers in flight per replica. Bounds memory; the next request is told to come back. @default 64 */
  slots: count.max(1024).optional(),
  /** document-worker: parser child processes per replica. @default 4 */
  parserChildren: count.max(4).optional(),
  /** document-worker: `required` refuses to start where a parser could reach a network. @default 'preferred' */
  parserIsolation: z.enum(['preferred', 'required']).optional(),
  /** document-worker: share of replicas, in percent, that may run on spot capacity. @default 0 */
  spotPercent: z.int().min(0).max(100).default(0),
});

export type PlacementInput = z.input<typeof placementSchema>;
export type Placement = z.output<typeof placementSchema>;

const placements = z.preprocess(
  (given) => (Array.isArray(given) ? given : [given]),
  z.array(placementSchema).min(1).max(3),
) as z.ZodType<Placement[], PlacementInput | PlacementInput[]>;

type TierShape = { [Name in Exclude<ServiceName, OptionalService>]: typeof placements } & {
  [Name in OptionalService]: z.ZodOptional<typeof placements>;
};

/** From what people see inwards, which is the manifest's order of routes turned round: the order of the cost sheet. */
const isPublic = (name: ServiceName) => definitionOf(name).routes.length > 0;
const inwards = [...serviceNames.filter(isPublic).toReversed(), ...serviceNames.filter((name) => !isPublic(name))];

const tiers = z.strictObject(
  Object.fromEntries(
    inwards.map((name) => [name, definitionOf(name).optional ? placements.optional() : placements]),
  ) as unknown as TierShape,
);

/** A foreign endpoint that speaks OpenAI's protocol. Its key is a secret and never stands in an environment. */
const endpoint = z.strictObject({
  /** Base URL. @example 'https://api.openai.com/v1' */
  url: z.url(),
  /** @example 'gpt-5-mini' */
  model: z.string().min(1),
});

/** Limits on input and time; each with its reason. */
export const limitsSchema = z.strictObject({
  /** Largest upload: above it a browser upload on a home line takes minutes and fails often. @default 100 MB */
  uploadBytesMax: count.default(100_000_000),
  /** Most pages of one document: bounds its index commit and its price. @default 5000 */
  pagesMax: count.max(100_000).default(5000),
  /** Longest time for one page: a page that hangs fails alone. @default 30000 */
  pageTimeoutMs: count.min(1000).max(300_000).default(30_000),
  /** Longest answer: bounds how long a slot and a connection are held. @default 100000 */
  turnTimeoutMs: count.default(100_000),
  /** How long a balancer lets requests end on a replica that leaves. @default 110000 */
  deregistrationDelayMs: count.default(110_000),
  /** SIGTERM until SIGKILL; Fargate allows no more. @default 120000 */
  stopTimeoutMs: count.default(120_000),
});

export const environmentSchema = z
  .strictObject({
    /** Prefix of every resource. @example 'dev' */
    name: z.string().regex(/^[a-z][a-z0-9]{1,7}$/, 'must be 2 to 8 lower-case letters or digits, a letter first'),
    /** @default 'aws' */
    target: z.enum(['local', 'aws']).default('aws'),
    /** Each tier with its budget and placement; a list of placements while a swap is under way. */
    tiers,
    /** Model that answers. Absent: the built-in extractive answerer quotes the documents. */
    chatModel: endpoint
      .extend({
        /** Other models there that a brain may choose: each is paid with the same key. @default none */
        others: z
          .array(z.string().regex(/^[^,\s]{1,120}$/, 'must be 1 to 120 characters without space or comma'))
          .max(20)
          .default([]),
      })
      .optional(),
    /** Model that embeds. Absent: the built-in lexical hashing embedding. */
    embeddingModel: endpoint.extend({ dimensions: count.max(4096) }).optional(),
    /** @default every limit's own default */
    limits: limitsSchema.prefault({}),
    /** Where in AWS, and how the shared parts are sized. Required with target: 'aws'. */
    aws: awsSchema.optional(),
  })
  .superRefine((environment, context) => {
    const fault = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    for (const name of serviceNames) {
      placementsOf(environment, name).forEach((placement, index) => {
        const path = ['tiers', name, index];
        const local = placement.platform === 'local';
        if (local !== (environment.target === 'local'))
          fault(
            [...path, 'platform'],
            local
              ? "given 'local', allowed only with target: 'local'"
              : `given '${placement.platform}', allowed with target: 'local' is only 'local'`,
          );
        if (placement.slots !== undefined && name !== 'chat') fault([...path, 'slots'], 'only chat has slots');
        if (placement.parserChildren !== undefined && name !== 'document-worker')
          fault([...path, 'parserChildren'], 'only document-worker has parser children');
        if (placement.parserIsolation !== undefined && name !== 'document-worker')
          fault([...path, 'parserIsolation'], 'only document-worker has parser children');
        if (name === 'document-worker')
          checkWorker(environment.limits, placement, (text) => fault([...path, 'memoryMiB'], text));
        if (placement.spotPercent > 0 && name !== 'document-worker')
          fault([...path, 'spotPercent'], 'only document-worker may lose a replica at any moment');
      });
    }
    for (const { path, message } of awsFaults(environment)) fault(path, message);
    const { turnTimeoutMs, deregistrationDelayMs, stopTimeoutMs } = environment.limits;
    if (!(turnTimeoutMs <= deregistrationDelayMs && deregistrationDelayMs <= stopTimeoutMs))
      fault(
        ['limits'],
        `given turnTimeoutMs ${turnTimeoutMs}, deregistrationDelayMs ${deregistrationDelayMs}, stopTimeoutMs ${stopTimeoutMs}; allowed: each at most the next`,
      );
  });

function checkWorker(
  { uploadBytesMax }: Limits,
  { memoryMiB, parserChildren = 4 }: Placement,
  fault: (text: string) => void,
) {
  const least = workerMemoryMiBMin({ parserChildren, uploadBytesMax });
  if (memoryMiB < least)
    fault(
      `given ${memoryMiB}; allowed with ${parserChildren} parser children and uploads of ${uploadBytesMax} bytes: at least ${least}`,
    );
}

type Limits = z.output<typeof limitsSchema>;

/** Where a tier runs; nowhere, where an optional one is left out. */
export const placementsOf = ({ tiers }: Pick<Environment, 'tiers'>, name: ServiceName): readonly Placement[] =>
  tiers[name] ?? [];

/** The services that an environment places, in the manifest's order. */
export const placedServices = (environment: Pick<Environment, 'tiers'>): ServiceName[] =>
  serviceNames.filter((name) => placementsOf(environment, name).length > 0);

/** What a person writes in `environments/<name>.ts`. */
export type EnvironmentInput = z.input<typeof environmentSchema>;
/** The same, checked and complete. */
export type Environment = z.output<typeof environmentSchema>;

/**
 * Checks an environment and fills in its defaults.
 *
 * @throws Error naming every fault: where, what was given, what is allowed.
 */
export function resolveEnvironment(input: EnvironmentInput): Environment {
  const result = environmentSchema.safeParse(input);
  if (result.success) return result.data;
  throw new Error(`environment '${input.name}' is not valid:\n${z.prettifyError(result.error)}`);
}
