/** A brain is to be embedded anew: its row names the next model, a job shows how far it is. */
import type { Transaction } from 'kysely';
import type { Embedding } from '../models/embedding.ts';
import type { Tables } from '../postgres/tables.ts';
import { insertJob, type JobRow, wakeWorkers } from './job-store.ts';

/**
 * Part of the caller's transaction. While one is under way it is the answer, whatever model it was for: from now on it is
 * for this one.
 *
 * @returns null: there is no such brain
 */
export async function orderReindex(
  tx: Transaction<Tables>,
  { tenantId, brainId }: { readonly tenantId: string; readonly brainId: string },
  { model, dimensions }: Embedding,
): Promise<JobRow | null> {
  const brain = await tx
    .updateTable('brains')
    .set({ next_embedding_model: model, next_embedding_dimensions: dimensions })
    .where('id', '=', brainId)
    .where('tenant_id', '=', tenantId)
    .where('deleted_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  if (!brain) return null;
  const underWay = await tx
    .selectFrom('jobs')
    .selectAll()
    .where('brain_id', '=', brainId)
    .where('kind', '=', 'reindex')
    .where('status', 'in', ['queued', 'running'])
    .executeTakeFirst();
  const job =
    underWay ?? (await insertJob(tx, { kind: 'reindex', stage: 'indexing', tenantId, brainId, documentId: null }));
  await wakeWorkers(tx, job.id);
  return job;
}
