/** Jobs: read, waited for, retried, confirmed, canceled. */
import type { Transaction } from 'kysely';
import { pageNumberMax } from '../../shared/contract/common.ts';
import { routes } from '../../shared/contract/routes.ts';
import { createConcurrency } from '../../shared/http/concurrency.ts';
import { serve } from '../../shared/http/http.ts';
import { newestFirst } from '../../shared/http/keyset.ts';
import { notFound, ProblemError } from '../../shared/http/problem.ts';
import { cancelJob, confirmJob, lockLimitedJob, retryPages } from '../../shared/jobs/job-requests.ts';
import { type JobRow, jobColumns, recordChange, wakeWorkers } from '../../shared/jobs/job-store.ts';
import { jobViews } from '../../shared/jobs/job-view.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tables } from '../../shared/postgres/tables.ts';
import type { JobEstimates } from '../../shared/scheduler/parser-schedules.ts';
import { notModified } from '../brains/conditional.ts';
import { firstRows, readPages, sendPages } from '../brains/page-results.ts';
import type { Api } from '../context.ts';
import { answerWithJob } from './job-answers.ts';
import { waitForEnd } from './job-wait.ts';

const [start, comma] = [Buffer.from('{"data":['), Buffer.from(',')] as const;

export function serveJobs(api: Api): void {
  const { app, db, scheduler, store, transfers } = api;
  const waits = createConcurrency('waits for a job', transfers.waits);
  const pageLists = createConcurrency('lists of pages', transfers.pageLists);

  serve(app, routes.listJobs, async ({ identity, query }) => {
    const rows = db
      .selectFrom('jobs')
      .select(jobColumns)
      .where('tenant_id', '=', identity.tenantId)
      .$if(query.status !== undefined, (all) => all.where('status', '=', query.status as string));
    const { page, next_cursor } = await newestFirst(rows, query);
    return { data: await jobViews(db, page, scheduler), next_cursor };
  });

  serve(app, routes.getJob, async ({ identity, params, query, request, reply }) => {
    const find = () => findJob(db, identity.tenantId, params.job);
    if (query.wait > 0) waits.takeFor(identity, reply);
    const estimate = query.wait > 0 ? undefined : scheduler.estimate(params.job).catch(() => null);
    const row = query.wait > 0 ? await waitForEnd(api, reply, identity.tenantId, query.wait, find) : await find();
    // A poll has asked Redis beside PostgreSQL, not after it. What it says of a job of others nobody sees.
    const estimates = estimate && {
      estimate: () => estimate,
      estimateNew: (...of: Parameters<JobEstimates['estimateNew']>) => scheduler.estimateNew(...of),
    };
    const job = await answerWithJob({ db, scheduler: estimates ?? scheduler }, reply, row);
    return notModified(request, reply, job) ? reply.code(304).send() : job;
  });

  serve(app, routes.getJobPages, async ({ identity, params, query, reply }) => {
    const job = await findJob(db, identity.tenantId, params.job);
    const after = query.cursor ? readPageCursor(query.cursor) : 0;
    const rows =
      job.kind === 'ingest' && job.document_id
        ? await db
            .selectFrom('pages')
            .selectAll()
            .where('document_id', '=', job.document_id)
            .where('page_number', '>', after)
            .$if(query.status === 'failed', (all) => all.where('error_code', 'is not', null))
            .$if(query.status === 'ok', (all) => all.where('error_code', 'is', null))
            .orderBy('page_number')
            .limit(query.limit + 1)
            .execute()
        : [];
    const page = firstRows(rows, query.limit);
    const last = rows.length > page.length ? page.at(-1) : undefined;
    const cursor = last ? Buffer.from(String(last.page_number)).toString('base64url') : null;
    return sendPages(reply, { places: pageLists, identity, stallMs: transfers.downloads.stallMs }, async () => {
      const data = (await readPages(store, page)).flatMap((json, index) => (index > 0 ? [comma, json] : [json]));
      return [start, ...data, Buffer.from(`],"next_cursor":${JSON.stringify(cursor)}}`)];
    });
  });

  const change = (tenantId: string, id: string, apply: (trx: Transaction<Tables>, job: JobRow) => Promise<JobRow>) =>
    db.transaction().execute(async (trx) => {
      const job = await lockLimitedJob(trx, { jobId: id, tenantId });
      if (!job) throw notFound('job', id);
      const changed = await apply(trx, job);
      if (changed === job) return job;
      await recordChange(trx, changed);
      await wakeWorkers(trx, id);
      return changed;
    });

  serve(app, routes.retryPages, async ({ identity, params, body, reply }) =>
    answerWithJob(
      api,
      reply,
      await change(identity.tenantId, params.job, (trx, job) => retryPages(trx, job, body.pages, reply)),
    ),
  );
  serve(app, routes.confirmJob, async ({ identity, params, reply }) =>
    answerWithJob(api, reply, await change(identity.tenantId, params.job, confirmJob)),
  );
  serve(app, routes.cancelJob, async ({ identity, params, reply }) =>
    answerWithJob(api, reply, await change(identity.tenantId, params.job, cancelJob)),
  );
}

/** @throws ProblemError `not-found` */
async function findJob(db: Database, tenantId: string, id: string): Promise<JobRow> {
  const row = await db
    .selectFrom('jobs')
    .select(jobColumns)
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  if (!row) throw notFound('job', id);
  return row;
}

function readPageCursor(cursor: string): number {
  const page = Number(Buffer.from(cursor, 'base64url').toString());
  if (Number.isSafeInteger(page) && page > 0 && page <= pageNumberMax) return page;
  throw new ProblemError(
    'bad-request',
    `The cursor '${cursor}' is not valid: pass the next_cursor of the page before.`,
  );
}
