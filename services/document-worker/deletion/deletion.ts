/** Deleting documents and brains: vectors, objects, rows. Each step may be repeated. */
import { sql, type Transaction } from 'kysely';
import type { Pool } from 'pg';
import type { Scheduler } from '../../shared/contract/grant.ts';
import { abandonIngest, beginTask, endTask } from '../../shared/jobs/background-jobs.ts';
import { recordEvent } from '../../shared/jobs/events.ts';
import type { JobRow } from '../../shared/jobs/job-store.ts';
import { RetryLaterError } from '../../shared/jobs/task-runner.ts';
import { documentLock, tryLock } from '../../shared/postgres/advisory-lock.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tables } from '../../shared/postgres/tables.ts';
import type { DocumentStore } from '../../shared/storage/document-store.ts';
import { documentPrefix } from '../../shared/storage/object-keys.ts';
import { raiseEpoch } from '../index/index-run.ts';
import type { Vectors } from '../index/vectors.ts';
import { settleCallsOf } from '../parse/parser-calls.ts';
import { eraseCitations, isStillRead } from './erase-citations.ts';

export interface DeletionContext {
  readonly db: Database;
  readonly pool: Pool;
  readonly store: DocumentStore;
  readonly scheduler: Pick<Scheduler, 'remove'>;
  readonly vectors: Vectors;
  /** Of a provider's parser, in US dollars; null: unknown, or there is none. */
  readonly usdPerPage: number | null;
}

/** Deletions of one brain that share a purge, which writes the brain's files anew. */
const deletionsMax = 100;
/** An answer takes seconds, with a model up to its time limit. */
const answerPauseMs = 2000;

/**
 * It succeeds when nothing of the document's text is left: neither vectors nor their old versions, objects, rows, quotes.
 *
 * @throws RetryLaterError, and what another try may mend; graphile-worker tries again
 */
export async function deleteDocument(context: DeletionContext, jobId: string): Promise<void> {
  const { db, vectors } = context;
  const job = deletionOf(await beginTask(db, jobId));
  if (!job) return;
  const deletions = [job];
  await removeDocument(context, job);
  for (const id of await otherDeletions(db, job)) {
    const deletion = deletionOf(await beginTask(db, id));
    if (!deletion) continue;
    // One that cannot go on now has a task of its own.
    const removed = await removeDocument(context, deletion).then(
      () => true,
      () => false,
    );
    if (removed) deletions.push(deletion);
  }
  const orderedAt = new Date(Math.max(...deletions.map(({ created_at }) => created_at.getTime())));
  if (await isStillRead(db, job.brain_id, orderedAt))
    throw new RetryLaterError(`an answer may still read document ${job.document_id}`, answerPauseMs);
  await vectors.purge({ tenantId: job.tenant_id, brainId: job.brain_id });
  for (const deletion of deletions.toReversed()) await endDeletion(context, deletion);
}

type Deletion = JobRow & { readonly document_id: string; readonly brain_id: string };

/** Null: it ended before, or its document is gone. */
const deletionOf = (job: JobRow | undefined): Deletion | null =>
  job?.document_id && job.brain_id ? { ...job, document_id: job.document_id, brain_id: job.brain_id } : null;

/** Of the same brain. */
async function otherDeletions(db: Database, { id, brain_id }: Deletion): Promise<string[]> {
  const rows = await db
    .selectFrom('jobs')
    .select('id')
    .where('brain_id', '=', brain_id)
    .where('kind', '=', 'delete_document')
    .where('status', 'in', ['queued', 'running'])
    .where('id', '!=', id)
    .orderBy('id')
    .limit(deletionsMax - 1)
    .execute();
  return rows.map((row) => row.id);
}

async function removeDocument(context: DeletionContext, deletion: Deletion): Promise<void> {
  const { db, store, vectors } = context;
  const { document_id: documentId, tenant_id: tenantId, brain_id: brainId } = deletion;
  await stopIngest(context, { documentId });
  await withDocument(context, documentId, async () => {
    const epoch = await raiseEpoch(db, documentId);
    if (epoch === null) return;
    await vectors.deleteDocument({ tenantId, brainId, documentId, epoch });
    await store.deletePrefix(documentPrefix(tenantId, documentId));
  });
}

async function endDeletion({ db, usdPerPage }: DeletionContext, deletion: Deletion): Promise<void> {
  const { id, document_id: documentId, tenant_id: tenantId, brain_id: brainId } = deletion;
  await eraseCitations(db, brainId, documentId);
  await db.transaction().execute(async (tx) => {
    await endTask(tx, id, { document_id: null });
    // Another worker was first: it was told.
    if (!(await deleteRow(tx, documentId, usdPerPage))) return;
    const data = { id: documentId, brain_id: brainId };
    await recordEvent(tx, { tenantId, event: 'document.deleted', resourceId: documentId, data });
  });
}

/** With its pages and its jobs; what a provider was sent for them stays in the ledger. False: it was gone. */
async function deleteRow(tx: Transaction<Tables>, documentId: string, usdPerPage: number | null): Promise<boolean> {
  await settleCallsOf(tx, documentId, usdPerPage);
  const gone = await tx.deleteFrom('documents').where('id', '=', documentId).returning('id').executeTakeFirst();
  return gone !== undefined;
}

/** The brain's row stays, emptied, until its jobs are no longer readable (cleanup.ts). */
export async function deleteBrain(context: DeletionContext, jobId: string): Promise<void> {
  const { db, store, vectors, usdPerPage } = context;
  const job = await beginTask(db, jobId);
  if (!job?.brain_id) return;
  const { tenant_id: tenantId, brain_id: brainId } = job;
  await stopIngest(context, { brainId });
  for (;;) {
    const documents = await db
      .selectFrom('documents')
      .select('id')
      .where('brain_id', '=', brainId)
      .limit(100)
      .execute();
    if (documents.length === 0) break;
    for (const { id } of documents)
      await withDocument(context, id, async () => {
        await store.deletePrefix(documentPrefix(tenantId, id));
        await db.transaction().execute((tx) => deleteRow(tx, id, usdPerPage));
      });
  }
  await vectors.deleteBrain({ tenantId, brainId });
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom('conversations').where('brain_id', '=', brainId).execute();
    await tx
      .updateTable('brains')
      .set({ name: '', description: '', deleted_at: sql`coalesce(deleted_at, now())` })
      .where('id', '=', brainId)
      .execute();
    await endTask(tx, jobId);
    await recordEvent(tx, { tenantId, event: 'brain.deleted', resourceId: brainId, data: { id: brainId } });
  });
}

/** A checkpoint that is on its way finds its job canceled and is refused. */
async function stopIngest({ db, scheduler }: DeletionContext, of: Parameters<typeof abandonIngest>[1]): Promise<void> {
  for (const jobId of await abandonIngest(db, of)) await scheduler.remove(jobId);
}

/** An index run sees between two batches that its job is canceled, and lets go. */
const lockTriesMax = 60;
const lockPauseMs = 500;

async function withDocument({ pool }: DeletionContext, documentId: string, action: () => Promise<void>): Promise<void> {
  for (let attempt = 0; attempt < lockTriesMax; attempt += 1) {
    if (await tryLock(pool, documentLock(documentId), action)) return;
    await new Promise((resolve) => setTimeout(resolve, lockPauseMs));
  }
  throw new Error(`document ${documentId} is still being indexed; its deletion is tried again`);
}
