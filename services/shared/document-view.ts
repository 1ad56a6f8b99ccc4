/** Documents with the job that last worked on them, and brains, as the contract shows them. */
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { Brain, Document, MediaType } from './contract/brain.ts';
import type { Scheduler } from './contract/grant.ts';
import type { Database } from './database.ts';
import { type JobRow, jobViews } from './job-view.ts';
import type { Brains, Documents } from './tables.ts';

/** Documents in the order of `rows`. */
export async function documentViews(
  db: Database,
  rows: readonly Selectable<Documents>[],
  scheduler: Pick<Scheduler, 'position'>,
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
            job,
          },
        ]
      : [];
  });
}

/** Brains in the order of `rows`, with their numbers of documents. */
export async function brainViews(db: Database, rows: readonly Selectable<Brains>[]): Promise<Brain[]> {
  if (rows.length === 0) return [];
  const counts = await db
    .selectFrom('documents')
    .select(['brain_id', sql<number>`count(*)`.as('documents')])
    .where(
      'brain_id',
      'in',
      rows.map(({ id }) => id),
    )
    .where('deleted_at', 'is', null)
    .groupBy('brain_id')
    .execute();
  const documents = new Map(counts.map((count) => [count.brain_id, count.documents]));
  return rows.map((row) => ({
    id: row.id,
    object: 'brain',
    name: row.name,
    description: row.description,
    model: row.model,
    embedding: { model: row.embedding_model, dimensions: row.embedding_dimensions },
    documents: documents.get(row.id) ?? 0,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }));
}
