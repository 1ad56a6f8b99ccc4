/**
 * A document whose stored file is gone, made whole by the same bytes: whoever uploads them again has them in hand. The
 * sweep (document-worker/sweep.ts) says in the document's job that the file is missing.
 */
import { retryPages } from '../../shared/jobs/job-requests.ts';
import { jobColumns, recordChange, wakeWorkers } from '../../shared/jobs/job-store.ts';
import { isMissing } from '../../shared/storage/document-store.ts';
import type { Api } from '../context.ts';

/**
 * Gives a document its file back, if it is missing, from an upload of the same bytes.
 *
 * @param from key of the new object
 */
export async function restoreObject(api: Api, tenantId: string, documentId: string, from: string): Promise<void> {
  const { db, store } = api;
  const document = await db
    .selectFrom('documents')
    .select('object_key')
    .where('id', '=', documentId)
    .where('tenant_id', '=', tenantId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!document || !(await isMissing(store, document.object_key))) return;
  await store.put(document.object_key, await store.get(from));
  await resume(api, tenantId, documentId);
}

/** The file is there again: a job that failed without it goes on. */
export async function resume({ db, log }: Api, tenantId: string, documentId: string): Promise<void> {
  log.warn({ documentId }, 'a missing file was stored again');
  await db.transaction().execute(async (trx) => {
    const job = await trx
      .selectFrom('jobs')
      .select(jobColumns)
      .where('document_id', '=', documentId)
      .where('tenant_id', '=', tenantId)
      .where('kind', '=', 'ingest')
      .orderBy('id', 'desc')
      .limit(1)
      .forUpdate()
      .executeTakeFirst();
    if (job?.status !== 'failed') return;
    await retryPages(trx, job);
    await recordChange(trx, job);
    await wakeWorkers(trx, job.id);
  });
}
