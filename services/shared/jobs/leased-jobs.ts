/**
 * What workers do to an ingest job: begin, checkpoint, end (its probe: save-probe.ts). Each change and its event are one transaction,
 * and each is fenced: it happens only if whoever asks is still the one who may.
 */
import { sql, type Transaction } from 'kysely';
import type { Lease } from '../contract/grant.ts';
import type { ProblemError } from '../http/problem.ts';
import { entryOf, recordEntries } from '../ledger/ledger.ts';
import type { Database } from '../postgres/database.ts';
import type { Tables } from '../postgres/tables.ts';
import type { PackedPage } from '../storage/page-results.ts';
import { decideLease, type LeaseDecision, type Outcome, type StatusAfter } from './job-states.ts';
import { changeStatus, type JobRow, jobColumns, recordChange, recordProgress, wakeWorkers } from './job-store.ts';
import { pause, tenantSuspended } from './paused-jobs.ts';

export interface Work {
  readonly jobId: string;
  readonly tenantId: string;
  readonly brainId: string;
  readonly documentId: string;
  readonly mediaType: string;
  readonly objectKey: string;
  readonly sizeBytes: number;
  readonly attempt: number;
  /** Null before the probe. */
  readonly pagesTotal: number | null;
  /** That was told; null: a price is not known. */
  readonly priceUsd: number | null;
  /** With which it was asked for; null: by a person. */
  readonly keyId: string | null;
  /** Who is to read for the tenant; null: the environment's parser. */
  readonly tenantParser: string | null;
  readonly extractImages: boolean;
  readonly extractTables: boolean;
  /** Of the lease, those without a result. */
  readonly pages: readonly number[];
}

/** A page of a checkpoint whose object stands already. */
export interface SavedPage extends Omit<PackedPage, 'packed' | 'images'> {
  readonly offset: number;
  /** @default none are kept */
  readonly imagesOffset?: number | null;
  readonly bytes: number;
}

/** Starts a lease: raises the fence to the lease's, and the job runs from now on. One of a suspended tenant is paused. */
export async function begin(
  db: Database,
  lease: Lease,
): Promise<{ decision: 'work'; work: Work } | { decision: Exclude<LeaseDecision, 'work'> }> {
  return db.transaction().execute(async (tx) => {
    const { job, decision } = await lockJob(tx, lease);
    if (decision !== 'work' || !job) return { decision: decision === 'work' ? 'forget' : decision };
    if (job.suspended_at) {
      await pause(tx, job.id, tenantSuspended());
      return { decision: 'forget' };
    }
    const stage = lease.kind === 'probe' ? 'probing' : 'parsing';
    await changeStatus(tx, 'begin', 'running', (jobs) => jobs.where('id', '=', job.id), {
      stage,
      epoch: Math.max(job.epoch, lease.fence),
      lease_epoch: Math.max(job.lease_epoch, lease.epoch),
      started_at: sql`coalesce(started_at, now())`,
      // A grant is no progress yet.
      moved_at: sql.ref('moved_at'),
    }).execute();
    if (job.status !== 'running' || job.stage !== stage) await recordChange(tx, job);
    return { decision, work: toWork(job, await pagesLeft(tx, job.document_id, lease)) };
  });
}

/**
 * Records pages of a grant, whose results stand at `objectKey` already. A page that is recorded already stays as it
 * was, so results and ledger are exactly once whatever is granted twice.
 */
export async function savePages(
  db: Database,
  lease: Lease,
  pages: readonly SavedPage[],
  objectKey: string,
  computeMs = 0,
): Promise<{ decision: LeaseDecision; finished: boolean }> {
  return db.transaction().execute(async (tx) => {
    const { job, decision } = await lockJob(tx, lease);
    if (decision !== 'work' || !job) return { decision, finished: false };
    const inserted = await tx
      .insertInto('pages')
      .values(
        pages.map(({ page_number, error, withoutText, offset, imagesOffset = null, bytes, resultBytes }) => ({
          document_id: job.document_id,
          page_number,
          epoch: lease.epoch,
          object_key: objectKey,
          object_offset: offset,
          object_bytes: bytes,
          images_offset: imagesOffset,
          result_bytes: resultBytes,
          without_text: withoutText,
          error_code: error?.code ?? null,
          error_message: error?.message ?? null,
        })),
      )
      .onConflict((conflict) => conflict.doNothing())
      .returning('page_number')
      .execute();
    if (inserted.length > 0) {
      const numbers = inserted.map(({ page_number }) => page_number);
      const range = `${Math.min(...numbers)}-${Math.max(...numbers)}`;
      const part = [lease.epoch, range];
      // What a provider's parser asks stands with its calls.
      await recordEntries(
        tx,
        { tenantId: job.tenant_id, brainId: job.brain_id, jobId: job.id, keyId: job.api_key_id },
        [
          entryOf('pages', job.document_id, part, 'pages', numbers.length),
          entryOf('pages', job.document_id, part, 'compute_ms', Math.round(computeMs)),
        ],
      );
    }
    const { done, failed, without_text } = await tx
      .selectFrom('pages')
      .select((eb) => [
        eb.fn.countAll<number>().as('done'),
        eb.fn.count<number>('error_code').as('failed'),
        eb.fn.countAll<number>().filterWhere('without_text', '=', true).as('without_text'),
      ])
      .where('document_id', '=', job.document_id)
      .executeTakeFirstOrThrow();
    const finished = done === job.pages_total;
    await recordProgress(tx, job.id, {
      pages_done: done,
      pages_failed: failed,
      pages_without_text: without_text,
      ...(finished && { stage: 'indexing' }),
    });
    // Any worker may index it.
    if (finished) await wakeWorkers(tx, job.id);
    await recordChange(tx, job);
    return { decision, finished };
  });
}

/** The holder of a lease ends its job; refused (anything but `work`) when the lease is not the newest. */
export async function endLeased(
  db: Database,
  lease: Lease,
  status: Outcome,
  problem?: ProblemError,
): Promise<LeaseDecision> {
  return db.transaction().execute(async (tx) => {
    const { job, decision } = await lockJob(tx, lease);
    if (decision === 'work' && job) await end(tx, 'end', job.id, status, problem);
    return decision;
  });
}

/** Ends a job that somebody asked to cancel, whoever works on it: its checkpoints are refused from now on. */
export const endCanceled = (db: Database, jobId: string): Promise<boolean> =>
  db.transaction().execute((tx) => end(tx, 'endCanceled', jobId, 'canceled'));

/** A job that has ended stays as it ended. @param tx of an index run that has made sure that it is the newest */
export const endIndexed = (tx: Transaction<Tables>, jobId: string, status: Outcome, problem?: ProblemError) =>
  end(tx, 'endIndexed', jobId, status, problem);

async function end<Name extends 'end' | 'endCanceled' | 'endIndexed'>(
  tx: Transaction<Tables>,
  name: Name,
  jobId: string,
  status: StatusAfter<Name>,
  problem?: ProblemError,
): Promise<boolean> {
  const error = problem ? JSON.stringify(problem.toProblem()) : null;
  const job = await changeStatus(tx, name, status, (jobs) => jobs.where('id', '=', jobId), {
    error,
  }).executeTakeFirst();
  if (job) await recordChange(tx, job);
  return job !== undefined;
}

export interface OpenJob extends JobRow {
  document_id: string;
  brain_id: string;
  media_type: string;
  object_key: string;
  size_bytes: number;
  extract_images: boolean;
  extract_tables: boolean;
  parser: string | null;
  suspended_at: Date | null;
}

/** @returns whether the lease may still change it */
export async function lockJob(tx: Transaction<Tables>, lease: Lease) {
  const job = await tx
    .selectFrom('jobs')
    .innerJoin('documents', 'documents.id', 'jobs.document_id')
    .innerJoin('tenants', 'tenants.id', 'jobs.tenant_id')
    .select(jobColumns.map((column) => `jobs.${column}` as const))
    .select(['documents.media_type', 'documents.object_key', 'documents.size_bytes', 'documents.deleted_at'])
    .select(['documents.id as document_id', 'documents.brain_id'])
    .select(['documents.extract_images', 'documents.extract_tables', 'tenants.parser', 'tenants.suspended_at'])
    .where('jobs.id', '=', lease.jobId)
    .forUpdate('jobs')
    .executeTakeFirst();
  return { job, decision: decideLease(job && { ...job, deleted: job.deleted_at !== null }, lease) };
}

/** After a kill a grant's earlier checkpoints stand: they are not read again. */
async function pagesLeft(tx: Transaction<Tables>, documentId: string, { pages }: Lease): Promise<readonly number[]> {
  if (pages.length === 0) return pages;
  const rows = await tx
    .selectFrom('pages')
    .select('page_number')
    .where('document_id', '=', documentId)
    .where('page_number', 'in', pages)
    .execute();
  const done = new Set(rows.map(({ page_number }) => page_number));
  return pages.filter((page) => !done.has(page));
}

const toWork = (job: OpenJob, pages: readonly number[]): Work => ({
  pages,
  jobId: job.id,
  tenantId: job.tenant_id,
  brainId: job.brain_id,
  documentId: job.document_id,
  mediaType: job.media_type,
  objectKey: job.object_key,
  sizeBytes: job.size_bytes,
  attempt: job.attempt,
  pagesTotal: job.pages_total,
  priceUsd: job.price_usd,
  keyId: job.api_key_id,
  tenantParser: job.parser,
  extractImages: job.extract_images,
  extractTables: job.extract_tables,
});
