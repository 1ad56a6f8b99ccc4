/** Which run of a document may write: the fence of everything that is written to a table. */
import { sql } from 'kysely';
import type { Database } from '../../shared/postgres/database.ts';
import type { Brain } from './brain-tables.ts';

/** The newest run of each document; without those that are not there, or were deleted with their brain or alone. */
export async function currentEpochs(
  db: Database,
  { tenantId, brainId }: Brain,
  documentIds: readonly string[],
): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('documents')
    .innerJoin('brains', 'brains.id', 'documents.brain_id')
    .select(['documents.id', 'documents.index_epoch'])
    .where(sql<boolean>`documents.id = any(${documentIds}::uuid[])`)
    .where('brains.id', '=', brainId)
    .where('brains.tenant_id', '=', tenantId)
    .where('documents.deleted_at', 'is', null)
    .where('brains.deleted_at', 'is', null)
    .execute();
  return new Map(rows.map(({ id, index_epoch }) => [id, index_epoch]));
}
