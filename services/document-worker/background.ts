/** graphile-worker in this process: deletions that the api ordered, and the hourly clean-up. */
import { Logger as GraphileLogger, type JobHelpers, type Runner, type RunnerOptions, run } from 'graphile-worker';
import type { Pool } from 'pg';
import type { Logger } from '../shared/log.ts';
import { cleanUp } from './deletion/cleanup.ts';
import { type DeletionContext, deleteBrain, deleteDocument, NotYetError } from './deletion/deletion.ts';
import { sweep } from './deletion/sweep.ts';

/** A failover of PostgreSQL takes longer; each start costs a few statements. */
const restartMs = 5000;

export async function startBackground(
  context: DeletionContext & { readonly pool: Pool; readonly log: Logger },
): Promise<{ close(): Promise<void> }> {
  const { db, pool, log } = context;
  const options = (): RunnerOptions => ({
    pgPool: pool,
    // One at a time: each may hold a document's lock on a connection of its own.
    concurrency: 1,
    noHandleSignals: true,
    logger: graphileLogger(log),
    taskList: {
      delete_document: async (payload, helpers) => {
        const jobId = jobIdOf(payload);
        await deleteDocument(context, jobId).catch(orLater(jobId, helpers, log));
      },
      delete_brain: async (payload) => deleteBrain(context, jobIdOf(payload)),
      sweep: async () => log.info({ swept: await sweep(context) }, 'store and rows compared'),
      clean_up: async () => log.info({ removed: await cleanUp(db) }, 'cleaned up'),
    },
    crontab: ['17 * * * * clean_up', '47 * * * * sweep'].join('\n'),
  });
  let closed = false;
  let runner: Runner | undefined;
  let timer: NodeJS.Timeout | undefined;
  const start = async () => {
    runner = await run(options());
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

/** Other deletions go on meanwhile. */
function orLater(jobId: string, { addJob, job }: JobHelpers, log: Logger) {
  return async (error: unknown) => {
    if (!(error instanceof NotYetError)) throw error;
    log.info({ jobId, reason: error.message }, 'deletion goes on later');
    await addJob(job.task_identifier, { jobId }, { jobKey: jobId, runAt: new Date(Date.now() + error.delayMs) });
  };
}

function jobIdOf(payload: unknown): string {
  const { jobId } = payload as { jobId?: unknown };
  if (typeof jobId !== 'string') throw new Error(`the payload is ${JSON.stringify(payload)}, wanted is { jobId }`);
  return jobId;
}

function graphileLogger(log: Logger): GraphileLogger {
  const levels: Record<string, 'error' | 'warn' | 'debug'> = { error: 'error', warning: 'warn' };
  return new GraphileLogger(() => (level, message) => log[levels[level] ?? 'debug'](message));
}
