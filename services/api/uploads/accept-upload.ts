/** The transaction at the end of an upload: a document with its job, or the document that holds the same bytes. */
import type { FastifyReply } from 'fastify';
import { sql } from 'kysely';
import type { MediaType } from '../../shared/contract/brain.ts';
import { type Claim, finishKey } from '../../shared/http/idempotency-key.ts';
import { notFound } from '../../shared/http/problem.ts';
import { orderIngest } from '../../shared/jobs/job-requests.ts';
import type { JobRow } from '../../shared/jobs/job-store.ts';
import { checkQuotas, lockTenant } from '../../shared/ledger/quota.ts';
import type { Database } from '../../shared/postgres/database.ts';
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
    await lockTenant(trx, tenantId);
    const brain = await trx
      .selectFrom('brains')
      .select('id')
      .where('id', '=', brainId)
      .where('deleted_at', 'is', null)
      // It is updated below: a share that is raised then waits for a deletion that waits for it.
      .forNoKeyUpdate()
      .executeTakeFirst();
    if (!brain) throw notFound('brain', brainId);

    const made = await trx
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
      .returning('id')
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
    await checkQuotas(trx, { tenantId }, uses, reply);
    const job = await orderIngest(trx, { tenantId, brainId, documentId, keyId });
    await trx.updateTable('brains').set({ updated_at: sql<Date>`now()` }).where('id', '=', brainId).execute();
    if (claim) await finishKey(trx, claim, { fingerprint: sha256, status: 202, response: { job_id: job.id } });
    return { job };
  });
}
