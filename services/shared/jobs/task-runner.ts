/** Runs a service's background jobs and its cron tasks: graphile-worker in this process. A service takes only the kinds it names. */
import { type JobHelpers, type Runner, run, type TaskList } from 'graphile-worker';
import type { Pool } from 'pg';
import type { Logger } from '../log.ts';
import { graphileLogger } from '../postgres/graphile-logger.ts';
import type { BackgroundKind } from './job-states.ts';
import { declareTasks, recordRun } from './scheduled-tasks.ts';

export interface TaskRunnerOptions {
  readonly pool: Pool;
  readonly log: Logger;
  /** Does a job of the kind. What it throws, another try may mend; {@link RetryLaterError} says when. */
  readonly jobs: Readonly<Partial<Record<BackgroundKind, (jobId: string) => Promise<void>>>>;
  /** By name. */
  readonly cron: Readonly<Record<string, CronTask>>;
}

export interface CronTask {
  /** As in a crontab, UTC. */
  readonly at: string;
  /** What it returns is shown as the result of its last run. */
  run(): Promise<object | undefined>;
}

/** A run that failed is tried again after seconds; what still fails then waits for its next time. */
const attemptsMax = 3;

/** Thrown by a job that cannot go on yet: something that ends by itself must end first. */
export class RetryLaterError extends Error {
  readonly delayMs: number;

  constructor(message: string, delayMs: number) {
    super(message);
    this.name = 'RetryLaterError';
    this.delayMs = delayMs;
  }
}

/** A failover of PostgreSQL takes longer; each start costs a few statements. */
const restartMs = 5000;

export async function runTasks({ pool, log, jobs, cron }: TaskRunnerOptions): Promise<{ close(): Promise<void> }> {
  const taskList: TaskList = {};
  for (const [kind, work] of Object.entries(jobs))
    taskList[kind] = async (payload, helpers) => {
      const jobId = jobIdOf(payload);
      await work(jobId).catch(retryLater(jobId, helpers, log));
    };
  for (const [name, task] of Object.entries(cron))
    taskList[name] = () =>
      recordRun(pool, name, async () => {
        const result = await task.run();
        log.info({ task: name, result }, 'scheduled task done');
        return result;
      });
  // A run that takes longer than its period, or that no worker took, is not joined by a second.
  const crontab = Object.entries(cron)
    .map(([name, { at }]) => `${at} ${name} ?max=${attemptsMax}&queue=${name}&jobKey=${name}`)
    .join('\n');
  await declareTasks(pool, cron);
  // One at a time: each may hold a document's lock on a connection of its own.
  return keepRunning({ pool, log, taskList, crontab, concurrency: 1 });
}

export interface RunnerParts {
  readonly pool: Pool;
  readonly log: Logger;
  readonly taskList: TaskList;
  readonly crontab?: string;
  /** Tasks at once. */
  readonly concurrency: number;
  /** Tasks with one of these are left alone for now. @default none */
  readonly forbiddenFlags?: () => string[];
}

/** A runner that is started again when it gives up. It holds a connection of the pool, to listen. */
export async function keepRunning({ pool, log, taskList, crontab, concurrency, forbiddenFlags }: RunnerParts) {
  let closed = false;
  let runner: Runner | undefined;
  let timer: NodeJS.Timeout | undefined;
  const start = async () => {
    runner = await run({
      pgPool: pool,
      concurrency,
      noHandleSignals: true,
      // How a task ended is said in batches, of one here: only then does the runner, and not the process, end when it
      // cannot be said (graphile-worker 0.18 leaves the promise of a single one unheard).
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      logger: graphileLogger(log),
      taskList,
      ...(forbiddenFlags && { forbiddenFlags }),
      ...(crontab ? { crontab } : { parsedCronItems: [] }),
    });
    // It gives up when it cannot say how a task ended: PostgreSQL went away in between.
    runner.promise.then(() => again(), again);
  };
  const again = (error?: Error) => {
    if (closed) return;
    log.warn({ err: error }, 'background jobs stopped, started again');
    timer = setTimeout(() => start().catch(again), restartMs);
  };
  await start();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      // One that stopped by itself says so by an error.
      await runner?.stop().catch(() => {});
    },
  };
}

/** Other jobs go on meanwhile. */
function retryLater(jobId: string, { addJob, job }: JobHelpers, log: Logger) {
  return async (error: unknown) => {
    if (!(error instanceof RetryLaterError)) throw error;
    log.info({ jobId, kind: job.task_identifier, reason: error.message }, 'job goes on later');
    await addJob(job.task_identifier, { jobId }, { jobKey: jobId, runAt: new Date(Date.now() + error.delayMs) });
  };
}

function jobIdOf(payload: unknown): string {
  const { jobId } = payload as { jobId?: unknown };
  if (typeof jobId !== 'string') throw new Error(`the payload is ${JSON.stringify(payload)}, wanted is { jobId }`);
  return jobId;
}
