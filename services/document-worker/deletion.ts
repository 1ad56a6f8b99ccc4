/** Deleting documents and brains: vectors, objects, rows. Each step may be repeated. */
import { sql } from 'kysely';
import type { Pool } from 'pg';
import type { Scheduler } from '../shared/contract/grant.ts';
import type { Database } from '../shared/database.ts';
import type { DocumentStore } from '../shared/document-store.ts';
import { recordEvent } from '../shared/events.ts';
import { documentPrefix } from '../shared/object-keys.ts';
import { documentLock, tryLock } from './advisory-lock.ts';
import { raiseEpoch } from './index-run.ts';
import type { Vectors } from './vectors.ts';

export interface DeletionContext {
  readonly db: Database;
  readonly pool: Pool;
  readonly store: DocumentStore;
  readonly scheduler: Scheduler;
  readonly vectors: Vectors;
}

/** @throws what another try may mend; graphile-worker tries again */
export async function deleteDocument(context: DeletionContext, jobId: string): Promise<void> {
  const { db, store, vectors } = context;
  const job = await startDeletion(db, jobId);
  if (!job?.document_id) return;
  const documentId = job.document_id;
  await stopIngest(context, 'document_id', documentId);
  await withDocument(context, documentId, async () => {
    const epoch = await raiseEpoch(db, documentId);
    if (epoch === null) return;
    await vectors.deleteDocument({ tenantId: job.tenant_id, brainId: job.brain_id, documentId, epoch });
    await store.deletePrefix(documentPrefix(job.tenant_id, documentId));
    await db.transaction().execute(async (tx) => {
      await tx
        .updateTable('jobs')
        .set({ document_id: null, ...ended })
        .where('id', '=', jobId)
        .execute();
      // With its pages and its other jobs.
      await tx.deleteFrom('documents').where('id', '=', documentId).execute();
      const data = { id: documentId, brain_id: job.brain_id };
      await recordEvent(tx, { tenantId: job.tenant_id, event: 'document.deleted', resourceId: documentId, data });
    });
  });
}

/** The brain's row stays, emptied, until its jobs are no longer readable (cleanup.ts). */
export async function deleteBrain(context: DeletionContext, jobId: string): Promise<void> {
  const { db, store, vectors } = context;
  const job = await startDeletion(db, jobId);
  if (!job) return;
  const { tenant_id: tenantId, brain_id: brainId } = job;
  await stopIngest(context, 'brain_id', brainId);
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
        await db.deleteFrom('documents').where('id', '=', id).execute();
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
    await tx.updateTable('jobs').set(ended).where('id', '=', jobId).execute();
    await recordEvent(tx, { tenantId, event: 'brain.deleted', resourceId: brainId, data: { id: brainId } });
  });
}

const ended = {
  status: 'succeeded',
  stage: null,
  finished_at: sql<Date>`now()`,
  moved_at: sql<Date>`now()`,
  expires_at: sql<Date>`now() + interval '7 days'`,
};

/** Undefined: it ended before. */
const startDeletion = (db: Database, jobId: string) =>
  db
    .updateTable('jobs')
    .set({ status: 'running', stage: 'deleting', started_at: sql`coalesce(started_at, now())`, moved_at: sql`now()` })
    .where('id', '=', jobId)
    .where('status', 'in', ['queued', 'running', 'canceling'])
    .returningAll()
    .executeTakeFirst();

/** A checkpoint that is on its way finds its job canceled and is refused. */
async function stopIngest({ db, scheduler }: DeletionContext, column: 'document_id' | 'brain_id', id: string) {
  const jobs = await db
    .updateTable('jobs')
    .set({ status: 'canceled', stage: null, finished_at: sql`now()`, expires_at: sql`now() + interval '7 days'` })
    .where(column, '=', id)
    .where('kind', '=', 'ingest')
    .where('status', 'in', ['awaiting_confirmation', 'queued', 'running', 'canceling'])
    .returning('id')
    .execute();
  for (const job of jobs) await scheduler.remove(job.id);
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
