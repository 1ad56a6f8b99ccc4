/** What a document-worker does in the background: deletions that the api ordered, and what comes by the hour. */
import type { Pool } from 'pg';
import { whileMoving } from '../shared/jobs/background-jobs.ts';
import { keepRunning, runTasks } from '../shared/jobs/task-runner.ts';
import type { Logger } from '../shared/log.ts';
import { cleanUp } from './deletion/cleanup.ts';
import { compactBrains } from './deletion/compact-brains.ts';
import { type DeletionContext, deleteBrain, deleteDocument } from './deletion/deletion.ts';
import { sweep } from './deletion/sweep.ts';
import { orderNext, sendTurn, type WebhookContext } from './webhooks/turn.ts';

export const startBackground = (
  context: DeletionContext & {
    readonly pool: Pool;
    readonly log: Logger;
    readonly order: () => Promise<object | undefined>;
    /** How often a task says that it moves. @default of its home */
    readonly sayEveryMs?: number;
  },
): Promise<{ close(): Promise<void> }> => {
  const { db, pool, log, sayEveryMs } = context;
  return runTasks({
    pool,
    log,
    jobs: {
      delete_document: (jobId) => whileMoving(db, jobId, () => deleteDocument(context, jobId), sayEveryMs),
      delete_brain: (jobId) => whileMoving(db, jobId, () => deleteBrain(context, jobId), sayEveryMs),
    },
    cron: {
      clean_up: { at: '17 * * * *', run: () => cleanUp(db) },
      // What a build or a setting before left without vectors.
      order_vectors: { at: '7 * * * *', run: context.order },
      // Vector tables, in turn.
      compact: { at: '27 * * * *', run: () => compactBrains(context) },
      sweep: { at: '47 * * * *', run: () => sweep(context) },
    },
  });
};

/** Webhooks sent to at once by a replica: more than one, so that a receiver that hangs holds up no other. */
const webhooksAtOnce = 4;
/** Of one tenant: however slow its receivers are, others are sent to meanwhile. */
const ofTenantAtOnce = webhooksAtOnce / 2;

/** Apart from the other tasks, which a receiver that hangs would hold up. */
export async function startWebhooks(
  context: WebhookContext & { readonly pool: Pool },
): Promise<{ close(): Promise<void> }> {
  const closing = new AbortController();
  const underWay = new Map<string, number>();
  const isFull = (tenant: string) => (underWay.get(tenant) ?? 0) >= ofTenantAtOnce;
  const { close } = await keepRunning({
    pool: context.pool,
    log: context.log,
    concurrency: webhooksAtOnce,
    forbiddenFlags: () => [...underWay.keys()].filter(isFull),
    taskList: {
      send_webhooks: async (payload, { job }) => {
        const { webhookId } = payload as { webhookId: string };
        const [tenant = ''] = Object.keys(job.flags ?? {});
        // Several were taken at one moment: it waits on.
        if (isFull(tenant)) return orderNext(context.db, webhookId);
        underWay.set(tenant, (underWay.get(tenant) ?? 0) + 1);
        try {
          await sendTurn({ ...context, closing: closing.signal }, webhookId);
        } finally {
          const left = (underWay.get(tenant) ?? 1) - 1;
          if (left > 0) underWay.set(tenant, left);
          else underWay.delete(tenant);
        }
      },
    },
  });
  return {
    close: () => {
      closing.abort();
      return close();
    },
  };
}
