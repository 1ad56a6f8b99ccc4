/**
 * Embedding a brain anew with another model. Its row names the model that serves and the next one; the vectors of both
 * stand beside each other in the vectorstore. When every document has the next one's, it serves, in one statement.
 */
import { sql } from 'kysely';
import { recordEvent } from '../../shared/jobs/events.ts';
import { changeStatus, recordProgress } from '../../shared/jobs/job-store.ts';
import { orderReindex } from '../../shared/jobs/reindex-order.ts';
import type { Embedding } from '../../shared/models/embedding.ts';
import type { Database } from '../../shared/postgres/database.ts';

/** Of one statement: bounds its time and what it locks. */
const documentsMax = 1000;
const brainsMax = 100;

/** Its text can be searched: its last ingest job ended well. */
const searchable = sql<boolean>`(
  select jobs.status in ('succeeded', 'partial') from jobs
  where jobs.document_id = documents.id and jobs.kind = 'ingest' order by jobs.id desc limit 1)`;

/**
 * At the start of a worker, and by the hour: brains of another model than the configured one are embedded anew, and what
 * has no vectors gets some (it was added while no embedding was configured, or by a build before).
 */
export async function orderMissingVectors(db: Database, { model, dimensions }: Embedding): Promise<{ brains: number }> {
  let brains = 0;
  for (;;) {
    const others = await db
      .selectFrom('brains')
      .select(['id', 'tenant_id'])
      .where('deleted_at', 'is', null)
      .where(sql<boolean>`(coalesce(next_embedding_model, embedding_model), coalesce(next_embedding_dimensions, embedding_dimensions))
        is distinct from (${model}::text, ${dimensions}::int)`)
      .limit(brainsMax)
      .execute();
    for (const { id, tenant_id } of others)
      await db
        .transaction()
        .execute((tx) => orderReindex(tx, { tenantId: tenant_id, brainId: id }, { model, dimensions }));
    brains += others.length;
    if (others.length < brainsMax) break;
  }
  while ((await markDocuments(db, { model, dimensions }, 'served')) === documentsMax);
  return { brains };
}

/** Marks what lacks vectors of the next model, then lets the next model serve where nothing lacks any. */
export async function settleReindexes(db: Database, embedding: Embedding): Promise<void> {
  const { rows } = await sql<{ brain_id: string; tenant_id: string }>`
    select id as brain_id, tenant_id from brains
    where deleted_at is null
      and next_embedding_model = ${embedding.model} and next_embedding_dimensions = ${embedding.dimensions}
    -- Those that may be whole first; the others are told how far they are.
    order by exists (select from documents where brain_id = brains.id and vectors_pending), id limit ${brainsMax}`.execute(
    db,
  );
  if (rows.length === 0) return;
  await markDocuments(db, embedding, 'next');
  for (const { brain_id, tenant_id } of rows) await settle(db, embedding, { brainId: brain_id, tenantId: tenant_id });
}

/** @param which brains: those that the model serves, or those that it is to serve next */
async function markDocuments(
  db: Database,
  { model, dimensions }: Embedding,
  which: 'served' | 'next',
): Promise<number> {
  const ofBrain =
    which === 'next'
      ? sql`brains.next_embedding_model = ${model} and brains.next_embedding_dimensions = ${dimensions}`
      : sql`brains.next_embedding_model is null and brains.embedding_model = ${model} and brains.embedding_dimensions = ${dimensions}`;
  const { rows } = await sql<{ id: string }>`
    with marked as (
      update documents set vectors_pending = true where id in (
        select documents.id from documents join brains on brains.id = documents.brain_id
        where ${ofBrain} and brains.deleted_at is null and documents.deleted_at is null and not documents.vectors_pending
          and (documents.vectors_model, documents.vectors_dimensions) is distinct from (${model}::text, ${dimensions}::int)
          and ${searchable}
        limit ${documentsMax} for update of documents skip locked)
      returning id, tenant_id
    ), told as (
      insert into events (tenant_id, event, resource_id) select tenant_id, 'document', id from marked
    )
    select id from marked`.execute(db);
  return rows.length;
}

async function settle(
  db: Database,
  { model, dimensions }: Embedding,
  { brainId, tenantId }: { readonly brainId: string; readonly tenantId: string },
): Promise<void> {
  const lacks = sql<boolean>`(documents.vectors_pending or (
    (documents.vectors_model, documents.vectors_dimensions) is distinct from (${model}::text, ${dimensions}::int) and ${searchable}))`;
  const jobs = (some: Parameters<Parameters<typeof changeStatus>[3]>[0]) =>
    some.where('brain_id', '=', brainId).where('kind', '=', 'reindex');
  await db.transaction().execute(async (tx) => {
    const job = await changeStatus(tx, 'beginReindex', 'running', jobs, {
      started_at: sql`coalesce(started_at, now())`,
      moved_at: sql.ref('moved_at'),
    }).executeTakeFirst();
    const { total, done } = await tx
      .selectFrom('documents')
      .select([
        sql<number>`coalesce(sum(pages_total), 0)`.as('total'),
        sql<number>`coalesce(sum(case when (vectors_model, vectors_dimensions) is distinct from (${model}::text, ${dimensions}::int)
          then 0 else vectors_page end), 0)`.as('done'),
      ])
      .where('brain_id', '=', brainId)
      .where('deleted_at', 'is', null)
      .where(searchable)
      .executeTakeFirstOrThrow();
    if (job && (job.pages_done !== done || job.pages_total !== total))
      await recordProgress(tx, job.id, { pages_total: total, pages_done: done });
    const switched = await tx
      .updateTable('brains')
      .set({
        embedding_model: model,
        embedding_dimensions: dimensions,
        next_embedding_model: null,
        next_embedding_dimensions: null,
        updated_at: sql`now()`,
      })
      .where('id', '=', brainId)
      .where('deleted_at', 'is', null)
      .where('next_embedding_model', '=', model)
      .where('next_embedding_dimensions', '=', dimensions)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('documents')
              .select('documents.id')
              .whereRef('documents.brain_id', '=', 'brains.id')
              .where('documents.deleted_at', 'is', null)
              .where(lacks),
          ),
        ),
      )
      .returning('id')
      .executeTakeFirst();
    if (!switched) return;
    await changeStatus(tx, 'endReindex', 'succeeded', jobs).execute();
    await recordEvent(tx, { tenantId, event: 'brain', resourceId: brainId });
  });
}
