/** Indexes documents whose pages are done, this worker's or another's. A lock that dies with the process holds each. */
import { sql } from 'kysely';
import type { Pool } from 'pg';
import { lanePagesMax } from '../../shared/contract/job.ts';
import { indexableStatuses } from '../../shared/jobs/job-states.ts';
import type { Logger } from '../../shared/log.ts';
import { documentLock, tryLock } from '../../shared/postgres/advisory-lock.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { type Outcome, Retries, TenantTurns, type Waiting } from '../tenant-turns.ts';
import { type IndexContext, indexDocument } from './index-document.ts';

/**
 * Each holds one batch in memory. Short documents that wait for the vectorstore together are one commit there; with those
 * that are embedded they are as many as a replica of it takes at once.
 */
export const slots = 6;
/** Of one tenant at one look: more than other workers can have under way. */
const perTenantMax = 50;
/** At one look: bounds memory, whatever waits. */
const waitingMax = 1000;
const retryMs = 5000;
const retryMaxMs = 60_000;

export class IndexLoop {
  readonly #context: IndexContext & { readonly pool: Pool; readonly log: Logger };
  readonly #retries = new Retries(retryMs, retryMaxMs);
  readonly #turns: TenantTurns;

  constructor(context: IndexContext & { readonly pool: Pool; readonly log: Logger }) {
    this.#context = context;
    this.#turns = new TenantTurns({
      slots,
      heavySlots: 1,
      // A run is a whole document.
      pagesPerRun: Number.POSITIVE_INFINITY,
      what: 'documents to index',
      log: context.log,
      find: (except) => waiting(context.db, [...except, ...this.#retries.pausing()]),
      run: (one, signal) => this.#index(one, signal),
    });
  }

  /** Starts what can be started; returns when it has looked. */
  look(): Promise<void> {
    return this.#turns.look();
  }

  stop(limitMs: number): Promise<void> {
    return this.#turns.stop(limitMs);
  }

  /** The vectorstore is ours: tried until it answers. */
  async #index({ id: jobId, documentId }: Waiting, stop: AbortSignal): Promise<Outcome> {
    const { pool, log } = this.#context;
    try {
      const ran = await tryLock(pool, documentLock(documentId), (held) =>
        indexDocument(this.#context, jobId, AbortSignal.any([stop, held])),
      );
      this.#retries.succeeded(jobId);
      return ran ? 'ran' : 'held';
    } catch (error) {
      if (!stop.aborted) this.#retries.failed(jobId);
      log.warn({ err: error as Error, jobId }, 'document not indexed yet');
      return 'failed';
    }
  }
}

/** Each tenant's oldest first. @param except jobs that are not to be started */
async function waiting(db: Database, except: readonly string[]): Promise<Waiting[]> {
  // Of either lane some are looked at, however many of the other wait.
  const heavy = sql<boolean>`coalesce(jobs.pages_total > ${lanePagesMax.light}, false)`;
  return db
    .selectFrom(
      db
        .selectFrom('jobs')
        .innerJoin('documents', 'documents.id', 'jobs.document_id')
        .innerJoin('tenants', 'tenants.id', 'jobs.tenant_id')
        .select(['jobs.id', 'documents.id as documentId', 'jobs.tenant_id as tenantId'])
        .select([
          sql<number>`greatest(coalesce(jobs.pages_total, 1), 1)`.as('left'),
          sql<number>`row_number() over (partition by jobs.tenant_id, ${heavy} order by jobs.id)`.as('place'),
        ])
        .where('jobs.kind', '=', 'ingest')
        .where('jobs.stage', '=', 'indexing')
        .where('jobs.status', 'in', indexableStatuses)
        .where('documents.deleted_at', 'is', null)
        // A cancellation ends a job there, too.
        .where(sql<boolean>`(tenants.suspended_at is null or jobs.status = 'canceling')`)
        .where(sql<boolean>`jobs.id <> all(${except}::uuid[])`)
        .as('ranked'),
    )
    .select(['id', 'documentId', 'tenantId', 'left'])
    .where('place', '<=', perTenantMax)
    .orderBy('place')
    .orderBy('id')
    .limit(waitingMax)
    .execute();
}
