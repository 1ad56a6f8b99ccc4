/**
 * One index run of a document. It begins by raising the document's epoch, which is its fence: from then on runs before it
 * can neither write vectors (contract/vectorstore.ts) nor end the job, whatever became of the lock that they held.
 */
import { sql, type Transaction } from 'kysely';
import type { ProblemError } from '../../shared/http/problem.ts';
import { indexableStatuses, type Outcome } from '../../shared/jobs/job-states.ts';
import { wakeWorkers } from '../../shared/jobs/job-store.ts';
import { endIndexed } from '../../shared/jobs/leased-jobs.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tables } from '../../shared/postgres/tables.ts';
import type { DocumentTarget } from './vectors.ts';

export interface IndexRun extends DocumentTarget {
  readonly jobId: string;
  readonly attempt: number;
  /** No run was there before: the document has no vectors yet. */
  readonly first: boolean;
}

/** Above every epoch before, also those of a database that was restored from an older backup. */
const nextEpoch = sql<number>`greatest(index_epoch + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint)`;

const withoutVectors = { vectors_pending: false, vectors_model: null, vectors_dimensions: null, vectors_page: 0 };

/** Raises the epoch: vectors of before are of no use any more. @returns null: the document is gone */
export async function raiseEpoch(tx: Database | Transaction<Tables>, documentId: string): Promise<number | null> {
  const row = await tx
    .updateTable('documents')
    .set({ index_epoch: nextEpoch, ...withoutVectors })
    .where('id', '=', documentId)
    .returning('index_epoch')
    .executeTakeFirst();
  return row?.index_epoch ?? null;
}

/** Null: there is nothing to index, or not any more. */
export async function startRun(db: Database, jobId: string): Promise<IndexRun | null> {
  return db.transaction().execute(async (tx) => {
    const document = await tx
      .selectFrom('documents')
      .innerJoin('jobs', 'jobs.document_id', 'documents.id')
      .select(['documents.id', 'documents.index_epoch as before'])
      .where('jobs.id', '=', jobId)
      .where('documents.deleted_at', 'is', null)
      .forUpdate('documents')
      .executeTakeFirst();
    if (!document) return null;
    // After the lock: a run before this one may just have ended the job.
    const job = await tx
      .selectFrom('jobs')
      .innerJoin('brains', 'brains.id', 'jobs.brain_id')
      .select(['jobs.tenant_id', 'brains.id as brain_id', 'jobs.attempt'])
      .where('jobs.id', '=', jobId)
      .where('jobs.stage', '=', 'indexing')
      .where('jobs.status', 'in', indexableStatuses)
      .executeTakeFirst();
    if (!job) return null;
    const epoch = await raiseEpoch(tx, document.id);
    if (epoch === null) return null;
    return {
      jobId,
      tenantId: job.tenant_id,
      brainId: job.brain_id,
      documentId: document.id,
      epoch,
      attempt: job.attempt,
      first: document.before === 0 && job.attempt === 1,
    };
  });
}

export type Standing = 'current' | 'canceled' | 'superseded';

/** May the run go on? Only a job that is canceled takes its vectors back; one that ended, ended by a newer run. */
export function standingOf(
  found: { readonly status: string; readonly index_epoch: number } | undefined,
  epoch: number,
): Standing {
  if (found?.index_epoch !== epoch) return 'superseded';
  if (found.status === 'canceling' || found.status === 'canceled') return 'canceled';
  return found.status === 'running' ? 'current' : 'superseded';
}

export async function lookAt(db: Database, { jobId, epoch }: IndexRun): Promise<Standing> {
  const found = await db
    .selectFrom('jobs')
    .innerJoin('documents', 'documents.id', 'jobs.document_id')
    .select(['jobs.status', 'documents.index_epoch'])
    .where('jobs.id', '=', jobId)
    .executeTakeFirst();
  return standingOf(found, epoch);
}

/**
 * @param toEmbed vectors follow
 * @returns false: a newer run took over, and nothing was changed
 */
export async function endRun(
  db: Database,
  run: IndexRun,
  status: Outcome,
  problem?: ProblemError,
  toEmbed = false,
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    // The job before its document, as a deletion locks them: else the two could wait for each other.
    await tx.selectFrom('jobs').select('id').where('id', '=', run.jobId).forNoKeyUpdate().execute();
    // Locked: no newer run can begin until this one has ended the job.
    const current = await tx
      .selectFrom('documents')
      .select('id')
      .where('id', '=', run.documentId)
      .where('index_epoch', '=', run.epoch)
      .forUpdate()
      .executeTakeFirst();
    if (!current) return false;
    const embeds = toEmbed && (status === 'succeeded' || status === 'partial');
    // In the same commit, so that watchers of the document see both at once.
    if (embeds)
      await tx.updateTable('documents').set({ vectors_pending: true }).where('id', '=', run.documentId).execute();
    const ended = await endIndexed(tx, run.jobId, status, problem);
    if (ended && embeds) await wakeWorkers(tx, run.jobId);
    return ended;
  });
}
