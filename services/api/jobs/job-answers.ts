/** What answers that carry a job have in common. */
import type { FastifyReply } from 'fastify';
import type { Job } from '../../shared/contract/job.ts';
import { notFound } from '../../shared/http/problem.ts';
import type { JobRow } from '../../shared/jobs/job-store.ts';
import { jobViews, newJobView, retryAfterS } from '../../shared/jobs/job-view.ts';
import type { JobEstimates } from '../../shared/scheduler/parser-schedules.ts';
import type { Api } from '../context.ts';

/** The job as a body, with `Location` and, while it is not at its end, `Retry-After`. */
export async function answerWithJob(
  { db, scheduler }: Pick<Api, 'db'> & { readonly scheduler: JobEstimates },
  reply: FastifyReply,
  row: JobRow,
): Promise<Job> {
  const [job] = await jobViews(db, [row], scheduler);
  if (!job) throw notFound('job', row.id);
  return answer(reply, job);
}

/** The same of one that was made just now, which needs no look at anything. */
export const answerWithNewJob = (reply: FastifyReply, row: JobRow): Job => answer(reply, newJobView(row));

function answer(reply: FastifyReply, job: Job): Job {
  const retryAfter = retryAfterS(job);
  if (retryAfter !== null) reply.header('retry-after', String(retryAfter));
  reply.header('location', job.links.self);
  return job;
}
