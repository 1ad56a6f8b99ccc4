/** Documents with the job that last worked on them, and brains, as the contract shows them. */
import type { Selectable, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Brain, Document, MediaType } from '../../shared/contract/brain.ts';
import type { Job } from '../../shared/contract/job.ts';
import type { JobRow } from '../../shared/jobs/job-store.ts';
import { jobViews } from '../../shared/jobs/job-view.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Brains, Documents, Tables } from '../../shared/postgres/tables.ts';
import type { JobEstimates } from '../../shared/scheduler/parser-schedules.ts';

/** Documents in the order of `rows`. */
export async function documentViews(
  db: Database,
  rows: readonly Selectable<Documents>[],
  scheduler: JobEstimates,
): Promise<Document[]> {
  if (rows.length === 0) return [];
  const { rows: last } = await sql<JobRow>`
    select j.* from unnest(${rows.map(({ id }) => id)}::uuid[]) as d (id)
    cross join lateral (select * from jobs where document_id = d.id order by id desc limit 1) j`.execute(db);
  const jobs = new Map((await jobViews(db, last, scheduler)).map((job) => [job.document_id, job]));
  return rows.flatMap((row) => {
    const job = jobs.get(row.id);
    return job
      ? [
          {
            id: row.id,
            object: 'document' as const,
            brain_id: row.brain_id,
            name: row.name,
            media_type: row.media_type as MediaType,
            size_bytes: row.size_bytes,
            sha256: row.sha256.toString('hex'),
            pages_total: row.pages_total,
            created_at: row.created_at.toISOString(),
            search: searchOf(row, job),
            job,
          },
        ]
      : [];
  });
}

function searchOf(row: Pick<Documents, 'vectors_model'> & { vectors_pending: boolean }, { kind, status }: Job) {
  if (kind === 'ingest' && status !== 'succeeded' && status !== 'partial') return null;
  if (row.vectors_pending) return 'improving';
  return row.vectors_model === null ? 'text' : 'full';
}

/** A brain with its number of documents. */
export async function withDocuments<Row extends { readonly id: string }>(
  db: Database | Transaction<Tables>,
  row: Row,
): Promise<Row & { readonly documents: number }> {
  const { documents } = await db
    .selectFrom('documents')
    .select(({ fn }) => fn.countAll<number>().as('documents'))
    .where('brain_id', '=', row.id)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  return { ...row, documents };
}

/** Brains with their numbers of documents, in one statement. */
export const selectBrains = (db: Database | Transaction<Tables>) =>
  db
    .selectFrom('brains')
    .select(['id', 'name', 'description', 'model', 'instructions', 'embedding_model', 'embedding_dimensions'])
    .select(['next_embedding_model', 'next_embedding_dimensions', 'created_at', 'updated_at'])
    .select((eb) =>
      eb
        .selectFrom('documents')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .whereRef('documents.brain_id', '=', 'brains.id')
        .where('documents.deleted_at', 'is', null)
        .as('documents'),
    )
    .where('brains.deleted_at', 'is', null);

type BrainRow = Omit<Selectable<Brains>, 'tenant_id' | 'deleted_at'> & { readonly documents: number | null };

export const toBrain = (row: BrainRow): Brain => ({
  id: row.id,
  object: 'brain',
  name: row.name,
  description: row.description,
  model: row.model,
  instructions: row.instructions,
  embedding: {
    model: row.embedding_model,
    dimensions: row.embedding_dimensions,
    next:
      row.next_embedding_model !== null && row.next_embedding_dimensions !== null
        ? { model: row.next_embedding_model, dimensions: row.next_embedding_dimensions }
        : null,
  },
  documents: row.documents ?? 0,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
});
