/** The transaction at the end of an upload: a document with its job, or the document that holds the same bytes. */
import type { FastifyReply } from 'fastify';
import { type Selectable, sql, type Transaction } from 'kysely';
import type { MediaType } from '../../shared/contract/brain.ts';
import { type Claim, finishKey } from '../../shared/http/idempotency-key.ts';
import { notFound } from '../../shared/http/problem.ts';
import { type JobRow, orderedSql, orderIngestSql } from '../../shared/jobs/job-store.ts';
import { checkQuotas } from '../../shared/ledger/quota.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tables, Tenants } from '../../shared/postgres/tables.ts';
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
  const { tenantId, brainId, sha256, claim } = arrived;
  return db.transaction().execute(async (trx) => {
    const written = await write(trx, arrived);
    if (!written) throw notFound('brain', brainId);
    const { documents_max, bytes_max, woken: _, ...job } = written;
    if (!isMade(job)) {
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
    if (claim) await finishKey(trx, claim, { fingerprint: sha256, status: 202, response: { job_id: job.id } });
    return { job };
  });
}

type Written = Pick<Selectable<Tenants>, 'documents_max' | 'bytes_max'> & { woken: unknown } & (JobRow | NoJob);
/** The document was there already. */
type NoJob = { readonly [Column in keyof JobRow]: null };

const isMade = (job: JobRow | NoJob): job is JobRow => job.id !== null;

/**
 * Document and job, in one way there and back. It holds the tenant, so that what counts against its limits of space is
 * counted in turn, and the brain: a share of it that is raised later would wait for a deletion that waits for it. The
 * tenant first, as everybody does.
 *
 * @returns the limits, and the job unless the document was there already; nothing when the brain is gone
 */
async function write(trx: Transaction<Tables>, arrived: Arrived): Promise<Written | undefined> {
  const { documentId, tenantId, brainId } = arrived;
  const { rows } = await sql<Written>`
    with place as (
      select tenants.id as tenant_id, brains.id as brain_id, documents_max, bytes_max
      from tenants join brains on brains.tenant_id = tenants.id
      where tenants.id = ${tenantId} and brains.id = ${brainId} and brains.deleted_at is null
      for no key update),
    made as (
      insert into documents (id, tenant_id, brain_id, name, media_type, size_bytes, sha256, object_key, uploaded_by,
        extract_images, extract_tables)
      select ${documentId}::uuid, tenant_id, brain_id, ${arrived.name}, ${arrived.mediaType}, ${arrived.bytes}::bigint,
        ${arrived.sha256}::bytea, ${originalKey(tenantId, documentId)}, ${arrived.uploadedBy}::uuid,
        ${arrived.extractImages}::boolean, ${arrived.extractTables}::boolean
      from place
      on conflict (brain_id, sha256) where deleted_at is null do nothing
      returning id, tenant_id, brain_id),
    dated as (update brains set updated_at = now() from made where brains.id = made.brain_id),
    ${orderIngestSql(arrived.keyId)}
    select documents_max, bytes_max, ${orderedSql()} from place left join job on true`.execute(trx);
  return rows[0];
}
