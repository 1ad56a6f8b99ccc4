/** Documents and their pages. */
import { sql } from 'kysely';
import { routes } from '../../shared/contract/routes.ts';
import { createConcurrency } from '../../shared/http/concurrency.ts';
import { serve } from '../../shared/http/http.ts';
import { newestFirst } from '../../shared/http/keyset.ts';
import { notFound } from '../../shared/http/problem.ts';
import { recordEvent } from '../../shared/jobs/events.ts';
import { lockJobs, orderDeletion } from '../../shared/jobs/job-requests.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { findBrain } from '../../shared/postgres/find-brain.ts';
import type { Api } from '../context.ts';
import { answerWithJob } from '../jobs/job-answers.ts';
import { documentViews } from './document-view.ts';
import { readPages, sendPages } from './page-results.ts';

export function serveDocuments(api: Api): void {
  const { app, db, scheduler, store, transfers } = api;
  const pages = createConcurrency('pages', transfers.downloads);

  serve(app, routes.listDocuments, async ({ identity, params, query }) => {
    await findBrain(db, identity.tenantId, params.brain);
    const rows = db
      .selectFrom('documents')
      .selectAll()
      .where('brain_id', '=', params.brain)
      .where('tenant_id', '=', identity.tenantId)
      .where('deleted_at', 'is', null);
    const { page, next_cursor } = await newestFirst(rows, query);
    return { data: await documentViews(db, page, scheduler), next_cursor };
  });

  serve(app, routes.getDocument, async ({ identity, params }) => {
    const row = await findDocument(db, identity.tenantId, params.document);
    const [document] = await documentViews(db, [row], scheduler);
    if (!document) throw notFound('document', params.document);
    return document;
  });

  serve(app, routes.deleteDocument, async ({ identity, params, reply }) => {
    const { tenantId } = identity;
    const job = await db.transaction().execute(async (trx) => {
      await lockJobs(trx, { tenantId, documentId: params.document });
      const gone = await trx
        .updateTable('documents')
        .set({ deleted_at: sql<Date>`now()` })
        .where('id', '=', params.document)
        .where('tenant_id', '=', tenantId)
        .where('deleted_at', 'is', null)
        .returning(['id', 'brain_id'])
        .executeTakeFirst();
      if (!gone) throw notFound('document', params.document);
      await recordEvent(trx, {
        tenantId,
        event: 'document.deleted',
        resourceId: gone.id,
        data: { id: gone.id, brain_id: gone.brain_id },
      });
      return orderDeletion(trx, { kind: 'delete_document', tenantId, brainId: gone.brain_id, documentId: gone.id });
    });
    return answerWithJob(api, reply, job);
  });

  serve(app, routes.getPage, async ({ identity, params, reply }) => {
    const document = await findDocument(db, identity.tenantId, params.document);
    const row = await db
      .selectFrom('pages')
      .selectAll()
      .where('document_id', '=', document.id)
      .where('page_number', '=', params.page)
      .executeTakeFirst();
    if (!row) throw notFound('page', `${params.page} of document ${params.document} (yet)`);
    const { stallMs } = transfers.downloads;
    return sendPages(reply, { places: pages, identity, stallMs }, () => readPages(store, [row]));
  });
}

/** @throws ProblemError `not-found` */
export async function findDocument(db: Database, tenantId: string, id: string) {
  const row = await db
    .selectFrom('documents')
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!row) throw notFound('document', id);
  return row;
}
