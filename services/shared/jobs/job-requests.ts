/** What people ask of jobs. Each is part of the caller's transaction; the same job back means that there was nothing to do. */
import type { FastifyReply } from 'fastify';
import { sql, type Transaction } from 'kysely';
import { ProblemError } from '../http/problem.ts';
import { lockLimited, takeQuotas } from '../ledger/quota.ts';
import type { Tables } from '../postgres/tables.ts';
import { allows, type BackgroundKind, backgroundStages, hasEnded } from './job-states.ts';
import { changeStatus, insertJob, type JobRow, type JobsUpdate, jobColumns } from './job-store.ts';
import { chargedFor } from './paused-jobs.ts';

/** {@link orderTask}, after what still waits or runs there was canceled. */
export async function orderDeletion(
  tx: Transaction<Tables>,
  what: { kind: BackgroundKind; tenantId: string; brainId: string; documentId: string | null },
): Promise<JobRow> {
  // Nothing that still waits or runs there has a purpose any more. Those that wait first: one may begin meanwhile.
  for (const [transition, status] of [
    ['cancel', 'canceled'],
    ['requestCancel', 'canceling'],
  ] as const)
    await changeStatus(tx, transition, status, (jobs) =>
      jobs
        .where('brain_id', '=', what.brainId)
        .$if(what.documentId !== null, (some) => some.where('document_id', '=', what.documentId)),
    ).execute();
  return orderTask(tx, what);
}

/** As workers do, jobs are locked before what they are of: else a deletion and a worker could wait for each other. */
export const lockJobs = (
  tx: Transaction<Tables>,
  of: { tenantId: string; brainId: string } | { tenantId: string; documentId: string },
) =>
  tx
    .selectFrom('jobs')
    .select('id')
    .where('tenant_id', '=', of.tenantId)
    .where('finished_at', 'is', null)
    .where('documentId' in of ? 'document_id' : 'brain_id', '=', 'documentId' in of ? of.documentId : of.brainId)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();

/** A job that is to be changed, locked after the limits that the change may take from: limits are locked first. */
export async function lockLimitedJob(
  tx: Transaction<Tables>,
  of: { readonly jobId: string; readonly tenantId: string },
): Promise<JobRow | undefined> {
  await lockLimited(tx, await chargedFor(tx, of), ['pages_per_day_max', 'usd_per_day_max']);
  return tx
    .selectFrom('jobs')
    .select(jobColumns)
    .where('id', '=', of.jobId)
    .where('tenant_id', '=', of.tenantId)
    .forUpdate()
    .executeTakeFirst();
}

/** A service takes it from graphile-worker (task-runner.ts): the task is named like the kind, its payload is `{ jobId }`. */
export async function orderTask(
  tx: Transaction<Tables>,
  what: { kind: BackgroundKind; tenantId: string; brainId: string | null; documentId: string | null },
): Promise<JobRow> {
  const job = await insertJob(tx, { ...what, stage: backgroundStages[what.kind] });
  const payload = JSON.stringify({ jobId: job.id });
  await sql`select graphile_worker.add_job(${what.kind}, ${payload}::json, job_key := ${job.id})`.execute(tx);
  return job;
}

export async function confirmJob(tx: Transaction<Tables>, job: JobRow): Promise<JobRow> {
  if (allows('confirm', job)) return changeStatus(tx, 'confirm', 'queued', only(job)).executeTakeFirstOrThrow();
  if (job.status === 'queued' || job.status === 'running') return job;
  throw new ProblemError(
    'conflict',
    `The job is ${job.status}; only one that is awaiting_confirmation can be confirmed.`,
  );
}

export async function cancelJob(tx: Transaction<Tables>, job: JobRow): Promise<JobRow> {
  if (job.kind === 'reindex')
    throw new ProblemError(
      'conflict',
      'A reindex cannot be canceled: until it is whole the brain is searched as before.',
    );
  if (job.kind !== 'ingest')
    throw new ProblemError('conflict', 'A deletion cannot be canceled: what it removed is gone.');
  if (allows('cancel', job)) return changeStatus(tx, 'cancel', 'canceled', only(job)).executeTakeFirstOrThrow();
  if (allows('requestCancel', job))
    return changeStatus(tx, 'requestCancel', 'canceling', only(job)).executeTakeFirstOrThrow();
  return job;
}

/** @param pages failed pages to read again; absent: all of them */
export async function retryPages(
  tx: Transaction<Tables>,
  job: JobRow,
  pages?: readonly number[],
  reply?: FastifyReply,
): Promise<JobRow> {
  await assertRetryable(tx, job);
  const forgotten = await tx
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
    select count(*) as done, count(error_code) as failed from pages where document_id = ${job.document_id}`.execute(tx);
  const { done, failed } = rows[0] ?? { done: 0, failed: 0 };
  // Pages that are read again count again; a job without a page count takes its pages when it is probed.
  const adds = job.pages_total === null ? 1 : job.pages_total - done;
  const embedding = job.embedding_usd ?? 0;
  const usdPerPage = job.pages_total ? Math.max(0, (job.price_usd ?? 0) - embedding) / job.pages_total : 0;
  // An index run makes all vectors anew. What is still held for them is held already.
  const embeddingAdds = embedding - (await embeddingHeld(tx, job));
  if (adds > 0 || embeddingAdds > 0)
    await takeQuotas(
      tx,
      { tenantId: job.tenant_id, keyId: job.api_key_id },
      [
        ...(adds > 0 ? [{ quota: 'pages_per_day_max', adds } as const] : []),
        { quota: 'usd_per_day_max', adds: adds * usdPerPage + embeddingAdds },
      ],
      reply,
    );
  // With every page there, what is left is to index them; that needs no place in the queue.
  const indexing = job.pages_total !== null && done === job.pages_total;
  return changeStatus(tx, 'retry', indexing ? 'running' : 'queued', only(job), {
    stage: indexing ? 'indexing' : null,
    attempt: sql<number>`attempt + 1`,
    // Above every lease that has begun: what the attempt before still reports is refused.
    epoch: sql<number>`greatest(epoch, lease_epoch) + 1`,
    pages_done: done,
    pages_failed: failed,
    embedding_usd_left: embedding,
    error: null,
    finished_at: null,
    expires_at: null,
  }).executeTakeFirstOrThrow();
}

async function embeddingHeld(tx: Transaction<Tables>, job: JobRow): Promise<number> {
  if (!(job.embedding_usd_left > 0)) return 0;
  const document = await tx
    .selectFrom('documents')
    .select('vectors_pending')
    .where('id', '=', job.document_id)
    .executeTakeFirst();
  return document?.vectors_pending ? job.embedding_usd_left : 0;
}

async function assertRetryable(tx: Transaction<Tables>, job: JobRow): Promise<void> {
  if (job.kind !== 'ingest')
    throw new ProblemError('conflict', `A job of kind ${job.kind} has no pages to read again; one of kind ingest has.`);
  if (!hasEnded(job))
    throw new ProblemError('conflict', `The job is ${job.status}; pages can be read again when it has ended.`);
  const document = await tx
    .selectFrom('documents')
    .select('id')
    .where('id', '=', job.document_id)
    .where('deleted_at', 'is', null)
    .forShare()
    .executeTakeFirst();
  if (!document) throw new ProblemError('gone', 'The document of this job was deleted.');
}

/** The caller holds its row. */
const only =
  ({ id }: JobRow) =>
  (jobs: JobsUpdate): JobsUpdate =>
    jobs.where('id', '=', id);
