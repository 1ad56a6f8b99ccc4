/** What runs by the clock, for the owner of the installation. Owner: api. */
import { z } from 'zod';
import { timestamp } from './common.ts';
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

export const operationsRoutes = {
  listScheduled: {
    owner: 'api',
    method: 'GET',
    path: '/v1/operations/scheduled',
    summary: 'Tasks that come by the clock: last run, how it ended, next run',
    access: 'operator',
    responses: { 200: z.object({ data: z.array(scheduledTask) }) },
  },
} as const satisfies Record<string, Route>;
