/**
 * Tasks that come by the clock, as they are shown: when each runs next and how it last ended. graphile-worker starts each
 * once for all replicas (its table `known_crontabs`).
 */
import { parseCronItem } from 'graphile-worker';
import type { Selectable } from 'kysely';
import type { Pool } from 'pg';
import type { ScheduledTask } from '../contract/operations.ts';
import type { ScheduledTasks } from '../postgres/tables.ts';

/** Of an error: what went wrong, not the stack. */
const errorCharactersMax = 500;
/** A task that no build declared for so long has been removed; replicas start more often. */
const forgottenAfterDays = 90;

/** Makes their rows; those of builds long ago go. */
export async function declareTasks(pool: Pool, cron: Readonly<Record<string, { readonly at: string }>>): Promise<void> {
  const tasks = Object.entries(cron);
  await pool.query(
    `insert into scheduled_tasks (name, schedule)
     select * from unnest($1::text[], $2::text[])
     on conflict (name) do update set schedule = excluded.schedule, declared_at = now()`,
    [tasks.map(([name]) => name), tasks.map(([, { at }]) => at)],
  );
  await pool.query(`delete from scheduled_tasks where declared_at < now() - make_interval(days => $1)`, [
    forgottenAfterDays,
  ]);
}

/** Runs it and writes down how it ended. @throws what it throws */
export async function recordRun(pool: Pool, name: string, run: () => Promise<object | undefined>): Promise<void> {
  await pool.query('update scheduled_tasks set started_at = now() where name = $1', [name]);
  const ended = (outcome: string, error: string | null, result: object | null) =>
    pool.query(
      `update scheduled_tasks set finished_at = now(), outcome = $2, error = $3, result = $4,
         failures_in_a_row = case when $2 = 'failed' then failures_in_a_row + 1 else 0 end
       where name = $1`,
      [name, outcome, error, result && JSON.stringify(result)],
    );
  let result: object | undefined;
  try {
    result = await run();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // What it failed of may be PostgreSQL itself: the task's own error is the one to be told.
    await ended('failed', text.slice(0, errorCharactersMax), null).catch(() => {});
    throw error;
  }
  await ended('succeeded', null, result ?? null);
}

export function toScheduledTask(row: Selectable<ScheduledTasks>, nowMs: number): ScheduledTask {
  const { started_at: started, finished_at: finished } = row;
  const running = started !== null && (finished === null || started > finished);
  return {
    object: 'scheduled_task',
    name: row.name,
    schedule: row.schedule,
    next_run_at: nextRun(row.schedule, nowMs)?.toISOString() ?? null,
    status: running ? 'running' : ((row.outcome as 'succeeded' | 'failed' | null) ?? 'waiting'),
    started_at: started?.toISOString() ?? null,
    finished_at: finished?.toISOString() ?? null,
    error: row.error,
    result: row.result as Record<string, unknown> | null,
    failures_in_a_row: row.failures_in_a_row,
  };
}

const minuteMs = 60_000;
/** The rarest that is of use here comes once a month. */
const aheadMinutesMax = 31 * 24 * 60;

/** The next minute that the schedule names, by graphile-worker's own reading of it; null: none within a month. */
export function nextRun(schedule: string, nowMs: number): Date | null {
  const { match } = parseCronItem({ task: 'any', match: schedule });
  let at = Math.floor(nowMs / minuteMs) * minuteMs;
  for (let left = aheadMinutesMax; left > 0; left -= 1) {
    at += minuteMs;
    const date = new Date(at);
    const digest = {
      min: date.getUTCMinutes(),
      hour: date.getUTCHours(),
      date: date.getUTCDate(),
      month: date.getUTCMonth() + 1,
      dow: date.getUTCDay(),
    };
    if (match(digest)) return date;
  }
  return null;
}
