/** What answers that carry a job have in common, and how jobs of deletion begin. */
import type { FastifyReply } from 'fastify';
import { sql, type Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { Job } from '../../shared/contract/job.ts';
import { notFound } from '../../shared/http/problem.ts';
import { type JobRow, jobViews, retryAfterS } from '../../shared/jobs/job-view.ts';
import type { Tables } from '../../shared/postgres/tables.ts';
import type { Api } from '../context.ts';

/** The job as a body, with `Location` and, while it is not at its end, `Retry-After`. */
export async function answerWithJob({ db, scheduler }: Api, reply: FastifyReply, row: JobRow): Promise<Job> {
  const [job] = await jobViews(db, [row], scheduler);
  if (!job) throw notFound('job', row.id);
  const retryAfter = retryAfterS(job);
  if (retryAfter !== null) reply.header('retry-after', String(retryAfter));
  reply.header('location', job.links.self);
  return job;
}

/** Wakes document-workers when the transaction commits; should nobody hear it, they find the job by themselves. */
export async function wakeWorkers(trx: Transaction<Tables>, jobId: string): Promise<void> {
  await sql`select pg_notify('jobs', ${jobId})`.execute(trx);
}

/** A job that a document-worker takes from graphile-worker: task `delete_document` or `delete_brain`, payload `{ jobId }`. */
export async function startDeletion(
  trx: Transaction<Tables>,
  what: { kind: 'delete_document' | 'delete_brain'; tenantId: string; brainId: string; documentId: string | null },
): Promise<JobRow> {
  // Nothing that still waits or runs there has a purpose any more.
  await trx
    .updateTable('jobs')
    .set({
      status: sql<string>`case when status = 'running' then 'canceling' else 'canceled' end`,
      moved_at: sql<Date>`now()`,
    })
    .where('brain_id', '=', what.brainId)
    .where('kind', '=', 'ingest')
    .where('status', 'in', ['awaiting_confirmation', 'queued', 'running'])
    .$if(what.documentId !== null, (jobs) => jobs.where('document_id', '=', what.documentId))
    .execute();
  const job = await trx
    .insertInto('jobs')
    .values({
      id: uuidv7(),
      tenant_id: what.tenantId,
      brain_id: what.brainId,
      document_id: what.documentId,
      kind: what.kind,
      status: 'queued',
      stage: 'deleting',
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await sql`select graphile_worker.add_job(${what.kind}, ${JSON.stringify({ jobId: job.id })}::json, job_key := ${job.id})`.execute(
    trx,
  );
  return job;
}
