/**
 * A document whose stored file is gone, made whole by the same bytes: whoever uploads them again has them in hand. The
 * sweep (document-worker/sweep.ts) says in the document's job that the file is missing.
 */
import { lockLimitedJob, retryPages } from '../../shared/jobs/job-requests.ts';
import { recordChange, wakeWorkers } from '../../shared/jobs/job-store.ts';
import { failedByLostFile } from '../../shared/jobs/lost-file.ts';
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
  if (!document) return;
  const missing = await isMissing(store, document.object_key);
  if (missing) await store.put(document.object_key, await store.get(from));
  await resume(api, tenantId, documentId, missing);
}

/**
 * The file is there again: a job that failed without it goes on.
 *
 * @param stored by this request. An earlier one may have stored it and then been refused by a limit, or cut off: then the
 * job still says that the file is missing.
 * @throws QuotaError
 */
export async function resume({ db, log }: Api, tenantId: string, documentId: string, stored: boolean): Promise<void> {
  if (stored) log.warn({ documentId }, 'a missing file was stored again');
  const last = await db
    .selectFrom('jobs')
    .select(['id', 'status', 'error'])
    .where('document_id', '=', documentId)
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', 'ingest')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  const waits = (job: typeof last) => job && (stored ? job.status === 'failed' : failedByLostFile(job));
  if (!last || !waits(last)) return;
  await db.transaction().execute(async (trx) => {
    const job = await lockLimitedJob(trx, { jobId: last.id, tenantId });
    if (!job || !waits(job)) return;
    await retryPages(trx, job);
    await recordChange(trx, job);
    await wakeWorkers(trx, job.id);
  });
}
