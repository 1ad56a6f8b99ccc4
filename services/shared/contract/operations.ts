/** How the installation does, for its owner. Owner: api. */
import { z } from 'zod';
import { id, timestamp } from './common.ts';
import { bands } from './job.ts';
import type { Route } from './route.ts';

export const scheduledTask = z.object({
  object: z.literal('scheduled_task'),
  name: z.string(),
  /** As in a crontab, UTC. */
  schedule: z.string(),
  next_run_at: timestamp.nullable(),
  /** `waiting`: it has never run. */
  status: z.enum(['waiting', 'running', 'succeeded', 'failed']),
  /** Of the last run. */
  started_at: timestamp.nullable(),
  /** Of the last run that ended. */
  finished_at: timestamp.nullable(),
  error: z.string().nullable(),
  /** What it counted. */
  result: z.record(z.string(), z.unknown()).nullable(),
  failures_in_a_row: z.int(),
});
export type ScheduledTask = z.output<typeof scheduledTask>;

/** What the environment's sheet says that it carries, handed over when it was deployed or started. */
export const predictedCapacity = z.object({
  /** Where its constants were measured. */
  source: z.string(),
  cpu: z.string(),
  /** What that CPU did of the work that `cpu` below counts. Null: it was not counted there. */
  cpu_rounds_per_second: z.number().nullable(),
  pages_per_minute: z.number(),
  chats_at_once: z.number(),
  chats_per_minute: z.number(),
  api_requests_per_second: z.number(),
  /** With as many chats a minute: told to come back. */
  yields_per_minute: z.number(),
  /** Of a page until its vectors are there, for long; 0: there are none. */
  embedded_pages_per_minute: z.number(),
  /** With all but some slots taken, without the time of the model itself. */
  first_token_seconds: z.object({ p50: z.number(), p95: z.number() }),
  light_wait_p95_seconds: z.number(),
  answer_seconds: z.number(),
  /** Lines in the logs of one replica of each tier, each loaded as far as it goes. */
  errors_per_minute: z.number(),
  /** Null: the environment has none. */
  monthly_ceiling_usd: z.number().nullable(),
  /** Of one replica of each tier. */
  tiers: z.record(
    z.string(),
    z.object({
      replicas: z.object({ min: z.int(), max: z.int() }),
      vcpu: z.number(),
      memory_mib: z.number(),
    }),
  ),
});
export type PredictedCapacity = z.output<typeof predictedCapacity>;

const quantiles = z.object({ p50: z.number().nullable(), p95: z.number().nullable() });

export const replicaStatus = z.object({
  tier: z.string(),
  name: z.string(),
  /** '' where the build does not say. */
  version: z.string(),
  started_at: timestamp,
  reported_at: timestamp,
  memory_bytes: z.number().nullable(),
  memory_budget_bytes: z.number().nullable(),
  /** Without more load, at least, over hours; 0 until that is known. */
  memory_growth_bytes_per_hour: z.number().nullable(),
  cpu_cores: z.number().nullable(),
  cpu_budget_cores: z.number().nullable(),
  errors_per_minute: z.number(),
});
export type ReplicaStatus = z.output<typeof replicaStatus>;

/** Rates and quantiles are of the last five minutes. */
export const operations = z.object({
  object: z.literal('operations'),
  at: timestamp,
  environment: z.string(),
  /** Replicas that reported within the last 45 s, of tiers that have PostgreSQL; the others tell at /metrics alone. */
  replicas: z.array(replicaStatus),
  chat: z.object({
    slots: z.number(),
    slots_in_use: z.number(),
    yields_per_minute: z.number(),
    answers_per_minute: z.number(),
    first_token_seconds: quantiles,
    full_answer_seconds: quantiles,
    /** Those with a bound; the others share the slots above. */
    model_endpoints: z.array(z.object({ endpoint: z.string(), slots: z.number(), slots_in_use: z.number() })),
  }),
  api: z.object({ requests_per_second: z.number() }),
  documents: z.object({
    pages_per_minute: z.number(),
    probes_waiting: z.int(),
    bands: z.array(
      z.object({
        band: z.enum(bands),
        jobs_waiting: z.int(),
        pages_waiting: z.int(),
        pages_granted: z.int(),
        oldest_wait_seconds: z.number(),
      }),
    ),
    /** Those with most pages left, at most 50. */
    tenants: z.array(
      z.object({
        tenant_id: id,
        name: z.string(),
        pages_left: z.int(),
        pages_granted: z.int(),
        oldest_wait_seconds: z.number(),
      }),
    ),
  }),
  /** Of this minute. Null: Redis is away. */
  meters: z
    .array(
      z.object({
        account: z.string(),
        unit: z.enum(['requests', 'pages', 'tokens']),
        limit_per_minute: z.number(),
        left: z.number(),
        /** The share of the limit that is used now: below 1 after a refusal. */
        factor: z.number(),
      }),
    )
    .nullable(),
  /** Of all tenants, days of UTC: what models, parsers and embeddings cost. */
  spending: z.object({
    today_usd: z.number(),
    month_usd: z.number(),
    /** What the environment may spend a day; null: no limit. */
    usd_per_day_max: z.number().nullable(),
    /** Entries of this month whose price is not known: the cost is at least `month_usd`. */
    unpriced_entries: z.int(),
  }),
  scheduled: z.array(scheduledTask),
  /** Of the replica that answers. */
  cpu: z.object({
    model: z.string(),
    /** Of a work that is the same everywhere, in a second of CPU time. */
    rounds_per_second: z.number(),
    /** What it does of what the CPU did that `predicted` is of. Null: nobody knows. */
    factor: z.number().nullable(),
  }),
  predicted: predictedCapacity.nullable(),
});
export type Operations = z.output<typeof operations>;

export const operationsHistory = z.object({
  object: z.literal('operations_history'),
  minutes: z.array(timestamp),
  series: z.array(
    z.object({
      /** As in services/metrics.ts; with `_p95` the 95th percentile of a duration. */
      metric: z.string(),
      tier: z.string(),
      unit: z.string(),
      /** One a minute; null: nobody told. */
      values: z.array(z.number().nullable()),
    }),
  ),
});
export type OperationsHistory = z.output<typeof operationsHistory>;

export const operationsRoutes = {
  getOperations: {
    owner: 'api',
    method: 'GET',
    path: '/v1/operations',
    summary: 'How the installation does now, beside what its sheet predicted',
    access: 'operator',
    responses: { 200: operations },
  },
  getOperationsHistory: {
    owner: 'api',
    method: 'GET',
    path: '/v1/operations/history',
    summary: 'The last 24 hours, a point a minute',
    access: 'operator',
    responses: { 200: operationsHistory },
  },
  listScheduled: {
    owner: 'api',
    method: 'GET',
    path: '/v1/operations/scheduled',
    summary: 'Tasks that come by the clock: last run, how it ended, next run',
    access: 'operator',
    responses: { 200: z.object({ data: z.array(scheduledTask) }) },
  },
} as const satisfies Record<string, Route>;
