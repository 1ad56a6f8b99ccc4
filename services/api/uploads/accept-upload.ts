/** The transaction at the end of an upload: a document with its job, or the document that holds the same bytes. */
import type { FastifyReply } from 'fastify';
import { sql, type Transaction } from 'kysely';
import type { MediaType } from '../../shared/contract/brain.ts';
import { type Claim, finishKey } from '../../shared/http/idempotency-key.ts';
import { notFound } from '../../shared/http/problem.ts';
import type { JobRow } from '../../shared/jobs/job-store.ts';
import { orderIngest } from '../../shared/jobs/job-store.ts';
import { checkQuotas } from '../../shared/ledger/quota.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tables } from '../../shared/postgres/tables.ts';
import { originalKey } from '../../shared/storage/object-keys.ts';

export interface Arrived {
  readonly documentId: string;
  readonly tenantId: string;
  readonly brainId: string;
  readonly name: string;
  readonly uploadedBy: string | null;
  /** With which it was uploaded; null: by a person. */
  readonly keyId: string | null;
  readonly sha256: Buffer;
  readonly bytes: number;
  readonly mediaType: MediaType;
  readonly extractImages: boolean;
  readonly extractTables: boolean;
  readonly claim: Claim | null;
}

/** @throws ProblemError `quota`, or `not-found` when the brain was deleted meanwhile */
export async function acceptUpload(
  db: Database,
  reply: FastifyReply,
  arrived: Arrived,
): Promise<{ job: JobRow } | { existingId: string }> {
  const { documentId, tenantId, brainId, keyId, sha256, claim } = arrived;
  return db.transaction().execute(async (trx) => {
    const { documents_max, bytes_max } = await lockPlace(trx, tenantId, brainId);
    const made = await trx
      .with('made', (made) =>
        made
          .insertInto('documents')
          .values({
            id: documentId,
            tenant_id: tenantId,
            brain_id: brainId,
            name: arrived.name,
            media_type: arrived.mediaType,
            size_bytes: arrived.bytes,
            sha256,
            object_key: originalKey(tenantId, documentId),
            uploaded_by: arrived.uploadedBy,
            extract_images: arrived.extractImages,
            extract_tables: arrived.extractTables,
          })
          .onConflict((on) => on.columns(['brain_id', 'sha256']).where('deleted_at', 'is', null).doNothing())
          .returning(['id', 'brain_id']),
      )
      .updateTable('brains')
      .from('made')
      .set({ updated_at: sql<Date>`now()` })
      .whereRef('brains.id', '=', 'made.brain_id')
      .returning('made.id')
      .executeTakeFirst();
    if (!made) {
      const there = await trx
        .selectFrom('documents')
        .select('id')
        .where('brain_id', '=', brainId)
        .where('sha256', '=', sha256)
        .where('deleted_at', 'is', null)
        .executeTakeFirstOrThrow();
      if (claim) await finishKey(trx, claim, { fingerprint: sha256, status: 200, response: { document_id: there.id } });
      return { existingId: there.id };
    }

    // The document counts already.
    const uses = [
      { quota: 'documents_max', adds: 0 },
      { quota: 'bytes_max', adds: 0 },
    ] as const;
    if (documents_max !== null || bytes_max !== null) await checkQuotas(trx, { tenantId }, uses, reply);
    const job = await orderIngest(trx, { tenantId, brainId, documentId, keyId });
    if (claim) await finishKey(trx, claim, { fingerprint: sha256, status: 202, response: { job_id: job.id } });
    return { job };
  });
}

/**
 * Holds the tenant, so that what counts against its limits of space is counted in turn, and the brain: a share of it that
 * is raised later would wait for a deletion that waits for it. The tenant first, as everybody does.
 *
 * @returns the limits
 * @throws ProblemError `not-found`
 */
async function lockPlace(trx: Transaction<Tables>, tenantId: string, brainId: string) {
  const place = await trx
    .selectFrom('tenants')
    .innerJoin('brains', 'brains.tenant_id', 'tenants.id')
    .select(['tenants.documents_max', 'tenants.bytes_max'])
    .where('tenants.id', '=', tenantId)
    .where('brains.id', '=', brainId)
    .where('brains.deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (!place) throw notFound('brain', brainId);
  return place;
}
