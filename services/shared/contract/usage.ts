/** What a tenant used and what it cost, summed from the ledger. */
import { z } from 'zod';
import { id, text } from './common.ts';
import type { Route } from './route.ts';

/** By what sums may be split; a sum over all of one leaves its field out as null. */
export const usageGroups = ['day', 'brain', 'model', 'key'] as const;
export type UsageGroup = (typeof usageGroups)[number];

/** A year and a leap day: reads of more are for the database itself. */
export const usageDaysMax = 366;
/** Nothing was used before it. */
export const usageDayMin = '1970-01-01';
/** Days when none are named. */
export const usageDaysDefault = 30;
/** Rows of one answer: a year of days for some hundred brains, models and kinds together. */
export const usageRowsMax = 20_000;

export const usageQuery = z.object({
  /** First day, UTC, 1970-01-01 or later. @default 29 days before `to` */
  from: z.iso.date().optional(),
  /** Last day, UTC, with all of it. @default today */
  to: z.iso.date().optional(),
  /** Separated by commas. */
  by: z
    .string()
    .default('day')
    .transform((given) => [...new Set(given.split(','))])
    .pipe(z.array(z.enum(usageGroups)).min(1)),
  /** Only what was used in it. @default all */
  brain: id.optional(),
  /** Only what it did. @default all */
  model: text.min(1).max(200).optional(),
  /** Only what was asked for with it. @default all */
  key: id.optional(),
  /** `csv`: the rows as a table. @default as the Accept header says, else JSON */
  format: z.enum(['json', 'csv']).optional(),
});

export const usageRow = z.object({
  day: z.iso.date().nullable(),
  brain_id: id.nullable(),
  /** With which it was asked for; null also for what people asked for. */
  api_key_id: id.nullable(),
  /** That answered; null also for what no model did. */
  model: z.string().nullable(),
  kind: z.string(),
  unit: z.string(),
  amount: z.int(),
  /** Of these, what was paid for a second time after a crash. */
  repeated_amount: z.int(),
  /** Of the entries whose price is known. */
  cost_usd: z.number(),
  /** Entries whose price is not known: the cost is at least `cost_usd`. */
  unpriced_entries: z.int(),
});
export type UsageRow = z.output<typeof usageRow>;

export const usageReport = z.object({
  object: z.literal('usage'),
  from: z.iso.date(),
  to: z.iso.date(),
  by: z.array(z.enum(usageGroups)),
  data: z.array(usageRow),
});
export type UsageReport = z.output<typeof usageReport>;

export const usageRoutes = {
  getUsage: {
    owner: 'api',
    method: 'GET',
    path: '/v1/usage',
    summary: 'What your tenant used and what it cost, by day, brain, model and key; as JSON or CSV',
    access: { role: 'viewer', scope: 'admin' },
    query: usageQuery,
    responses: { 200: usageReport },
  },
} as const satisfies Record<string, Route>;
