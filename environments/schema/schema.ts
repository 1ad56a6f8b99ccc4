/** The page of every setting of an environment, each with its limits and default. Rules between settings: rules.ts. */
import { z } from 'zod';
import {
  type Definitions,
  definitionOf,
  definitionsOf,
  type OptionalService,
  type ServiceName,
  serviceNames,
} from '../../services/manifest.ts';
import { modelList, modelName } from '../../services/models.ts';
import { awsSchema } from './aws.ts';
import { kubernetesSchema } from './kubernetes.ts';
import { type Placement, type PlacementInput, placementsSchema } from './placement.ts';

const count = z.int().positive();

type Placements<Name extends ServiceName> = z.ZodType<Placement[], PlacementInput<Name> | PlacementInput<Name>[]>;
type TierShape = { [Name in Exclude<ServiceName, OptionalService>]: Placements<Name> } & {
  [Name in OptionalService]: z.ZodOptional<Placements<Name>>;
};

/** From what people see inwards, which is the manifest's order of routes turned round: the order of the cost sheet. */
const isPublic = (name: ServiceName) => definitionOf(name).routes.length > 0;
const inwards = [...serviceNames.filter(isPublic).toReversed(), ...serviceNames.filter((name) => !isPublic(name))];

const tiers = z.strictObject(
  Object.fromEntries(
    inwards.map((name) => {
      const placements = placementsSchema(name, definitionOf(name));
      return [name, definitionOf(name).optional ? placements.optional() : placements];
    }),
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

export const environmentShape = z.strictObject({
  /** Prefix of every resource. @example 'dev' */
  name: z.string().regex(/^[a-z][a-z0-9]{1,7}$/, 'must be 2 to 8 lower-case letters or digits, a letter first'),
  /** @default 'aws' */
  target: z.enum(['local', 'aws']).default('aws'),
  /** Each tier with its budget and placement; a list of placements while a swap is under way. */
  tiers,
  /** Hard limits of a day (UTC) of all tenants together: reached means 429, or a job that waits for the next. Absent: none. */
  limitsPerDay: z
    .strictObject({
      pages: z.int().min(0).optional(),
      questions: z.int().min(0).optional(),
      /** Of models and embeddings. */
      tokens: z.int().min(0).optional(),
      /** Of what has a known price. */
      usd: z.number().min(0).optional(),
    })
    .optional(),
  /** A promise that synth holds against the computed capacity at most replicas. Absent: none. */
  carries: z
    .strictObject({
      pagesPerMinute: z.number().positive().optional(),
      embeddedPagesPerMinute: z.number().positive().optional(),
      concurrentChats: count.optional(),
      chatsPerMinute: z.number().positive().optional(),
      apiRequestsPerSecond: z.number().positive().optional(),
    })
    .optional(),
  /** Model that answers. Absent: the built-in extractive answerer quotes the documents. */
  chatModel: endpoint
    .extend({
      /** Other models there that a brain may choose: each is paid with the same key. @default none */
      others: z.array(modelName).max(20).default([]),
    })
    .optional(),
  /** Several models, the one that is asked by default first, in place of {@link chatModel}. */
  models: modelList.optional(),
  /** What orders passages anew before they are read: url without `/rerank`. Absent: they stay as the search ranks them. */
  reranker: z
    .strictObject({
      url: z.url(),
      model: z.string().min(1).optional(),
      /** Limit of the account. Absent: none. */
      requestsPerMinute: count.optional(),
      /** Absent: unknown, and the ledger says so. */
      usdPerThousandCalls: z.number().min(0).optional(),
    })
    .optional(),
  /** A provider's parser that reads PDFs. Its key is a secret. Absent: the built-in one does. */
  parser: z
    .strictObject({
      backend: z.enum(['docling', 'unstructured']),
      url: z.url(),
      /** Most pages of one request: short documents pass long ones between two requests. @default 5 */
      pagesPerRequest: count.max(50).default(5),
      /** Requests under way at once, of one replica: each holds its pages and its answer in memory. @default 4 */
      requestsMax: count.max(64).default(4),
      /** Limits of the account; absent: none. */
      requestsPerMinute: count.optional(),
      pagesPerMinute: count.optional(),
      /** Absent: unknown, and the ledger says so. */
      usdPerThousandPages: z.number().min(0).optional(),
    })
    .optional(),
  /** Model that embeds. Absent: that of the embedding tier; without that tier documents are searched by full text alone. */
  embeddingModel: endpoint
    .extend({
      dimensions: count.max(4096),
      /** What the model wants before a question and before what is found, a space follows. @example 'query:' */
      queryPrefix: z.string().min(1).optional(),
      passagePrefix: z.string().min(1).optional(),
      /** Absent: as services/shared/ledger/known-prices.ts says of the provider, else unknown, and the ledger says so. */
      usdPerMillionTokens: z.number().min(0).optional(),
      /** Limits of the account. Absent: none. */
      requestsPerMinute: count.optional(),
      tokensPerMinute: count.optional(),
    })
    .optional(),
  /**
   * The model that embedded before, while brains are embedded anew: their vectors of before serve until then. Absent:
   * such a brain is searched by full text, and by the new vectors as they come.
   */
  previousEmbeddingModel: endpoint
    .extend({ dimensions: count.max(4096), queryPrefix: z.string().min(1).optional() })
    .optional(),
  /**
   * Webhooks to tenants' own systems, and the ports at which these may listen: the way out of the document-worker. Absent:
   * none are sent.
   */
  webhooks: z
    .strictObject({
      /** @default [443] */
      ports: z.array(z.int().min(1).max(65_535)).min(1).max(10).default([443]),
      /** Private networks that receivers may be in. @default none. @example ['10.1.0.0/16'] */
      allowedNetworks: z
        .array(z.union([z.cidrv4(), z.cidrv6()]))
        .max(20)
        .default([]),
    })
    .optional(),
  /** @default every limit's own default */
  limits: limitsSchema.prefault({}),
  /** Where in AWS, and how the shared parts are sized. Required with target: 'aws'. */
  aws: awsSchema.optional(),
  /** The cluster of tiers on 'kubernetes'. @default none */
  kubernetes: kubernetesSchema.optional(),
});

/** What a person writes in `environments/<name>.ts`. */
export type EnvironmentInput = z.input<typeof environmentShape>;
/** The same, checked and complete. */
export type Environment = z.output<typeof environmentShape>;

/** Where a tier runs; nowhere, where an optional one is left out. */
export const placementsOf = ({ tiers }: Pick<Environment, 'tiers'>, name: ServiceName): readonly Placement[] =>
  tiers[name] ?? [];

/** The services that an environment places, in the manifest's order. */
export const placedServices = (environment: Pick<Environment, 'tiers'>): ServiceName[] =>
  serviceNames.filter((name) => placementsOf(environment, name).length > 0);

/** Their definitions. */
export const placedDefinitions = (environment: Pick<Environment, 'tiers'>): Definitions<ServiceName> =>
  definitionsOf(placedServices(environment));
