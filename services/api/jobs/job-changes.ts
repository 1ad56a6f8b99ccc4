/**
 * What people may do to a job, each inside a transaction that holds the job's row:
 *
 *     awaiting_confirmation ──confirm──► queued          awaiting_confirmation, queued ──cancel──► canceled
 *     partial, failed, canceled ──retry──► queued        running ──cancel──► canceling (the worker ends it)
 *
 * Returning the same object means: nothing to do, which is what makes repeating harmless.
 */
import type { FastifyReply } from 'fastify';
import { sql, type Transaction, type UpdateObject } from 'kysely';
import { type JobStatus, terminalStatuses } from '../../shared/contract/job.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import type { JobRow } from '../../shared/jobs/job-view.ts';
import { takeQuotas } from '../../shared/ledger/quota.ts';
import type { Tables } from '../../shared/postgres/tables.ts';

/** A job is readable for at least so long after its end. */
const readable = sql<Date>`now() + interval '7 days'`;

export async function confirmJob(trx: Transaction<Tables>, job: JobRow): Promise<JobRow> {
  if (job.status === 'queued' || job.status === 'running') return job;
  if (job.status !== 'awaiting_confirmation')
    throw new ProblemError(
      'conflict',
      `The job is ${job.status}; only one that is awaiting_confirmation can be confirmed.`,
    );
  return update(trx, job, { status: 'queued' });
}

export async function cancelJob(trx: Transaction<Tables>, job: JobRow): Promise<JobRow> {
  if (job.kind !== 'ingest')
    throw new ProblemError('conflict', 'A deletion cannot be canceled: what it removed is gone.');
  if (job.status === 'canceling' || terminalStatuses.has(job.status as JobStatus)) return job;
  if (job.status === 'running') return update(trx, job, { status: 'canceling' });
  return update(trx, job, { status: 'canceled', finished_at: sql<Date>`now()`, expires_at: readable });
}

/** @param pages failed pages to read again; absent: all of them */
export async function retryPages(
  trx: Transaction<Tables>,
  job: JobRow,
  pages?: readonly number[],
  reply?: FastifyReply,
): Promise<JobRow> {
  await assertRetryable(trx, job);
  const forgotten = await trx
    .deleteFrom('pages')
    .where('document_id', '=', job.document_id)
    .where('error_code', 'is not', null)
    .$if(pages !== undefined, (failed) => failed.where('page_number', 'in', pages as number[]))
    .returning('page_number')
    .execute();
  const numbers = new Set(forgotten.map((page) => page.page_number));
  const others = (pages ?? []).filter((page) => !numbers.has(page));
  if (others.length > 0)
    throw new ProblemError('conflict', `Not failed, so not read again: page ${others.slice(0, 20).join(', ')}.`);
  // A job that failed or was canceled as a whole goes on with the pages it did not come to.
  if (numbers.size === 0 && job.status !== 'failed' && job.status !== 'canceled')
    throw new ProblemError('conflict', `The job is ${job.status} and has no failed pages.`);
  const { rows } = await sql<{ done: number; failed: number }>`
    select count(*) as done, count(error_code) as failed from pages where document_id = ${job.document_id}`.execute(
    trx,
  );
  const { done, failed } = rows[0] ?? { done: 0, failed: 0 };
  // Pages that are read again count again; a job without a page count takes its pages when it is probed.
  const adds = job.pages_total === null ? 1 : job.pages_total - done;
  if (adds > 0) await takeQuotas(trx, job.tenant_id, [{ quota: 'pages_per_day_max', adds }], reply);
  // With every page there, what is left is to index them; that needs no place in the queue.
  const indexing = job.pages_total !== null && done === job.pages_total;
  return update(trx, job, {
    status: indexing ? 'running' : 'queued',
    stage: indexing ? 'indexing' : null,
    attempt: sql<number>`attempt + 1`,
    // Above every lease that has begun: what the attempt before still reports is refused.
    epoch: sql<number>`greatest(epoch, lease_epoch) + 1`,
    pages_done: done,
    pages_failed: failed,
    error: null,
    finished_at: null,
    expires_at: null,
  });
}

async function assertRetryable(trx: Transaction<Tables>, job: JobRow): Promise<void> {
  if (job.kind !== 'ingest') throw new ProblemError('conflict', 'A deletion has no pages to read again.');
  if (!terminalStatuses.has(job.status as JobStatus))
    throw new ProblemError('conflict', `The job is ${job.status}; pages can be read again when it has ended.`);
  const document = await trx
    .selectFrom('documents')
    .select('id')
    .where('id', '=', job.document_id)
    .where('deleted_at', 'is', null)
    .forShare()
    .executeTakeFirst();
  if (!document) throw new ProblemError('gone', 'The document of this job was deleted.');
}

function update(trx: Transaction<Tables>, job: JobRow, set: UpdateObject<Tables, 'jobs'>): Promise<JobRow> {
  return trx
    .updateTable('jobs')
    .set({ ...set, moved_at: sql<Date>`now()` })
    .where('id', '=', job.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}
