/** Indexes documents whose pages are done, this worker's or another's. A lock that dies with the process holds each. */
import { sql } from 'kysely';
import type { Pool } from 'pg';
import { lanePagesMax } from '../../shared/contract/job.ts';
import { indexableStatuses } from '../../shared/jobs/job-states.ts';
import type { Logger } from '../../shared/log.ts';
import { documentLock, tryLock } from '../../shared/postgres/advisory-lock.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { type IndexContext, indexDocument } from './index-document.ts';
import { nextToIndex, type Waiting } from './index-order.ts';

/** Each holds a database connection and one batch in memory. */
const slots = 2;
/** Of one tenant at one look: more than other workers can have under way. */
const perTenantMax = 50;
/** At one look: bounds memory, whatever waits. */
const waitingMax = 1000;
const retryMs = 5000;
const retryMaxMs = 60_000;

export class IndexLoop {
  readonly #context: IndexContext & { readonly pool: Pool; readonly log: Logger };
  readonly #underWay = new Map<string, { tenantId: string; heavy: boolean; run: Promise<void> }>();
  readonly #failures = new Map<string, { waits: number; nextAtMs: number }>();
  /** Tenants by the turn that they had last. */
  readonly #served = new Map<string, number>();
  #turns = 0;
  /** Under way in another worker, as far as this look knows. */
  readonly #elsewhere = new Set<string>();
  readonly #stop = new AbortController();
  #looking: Promise<void> | undefined;
  #again = false;

  constructor(context: IndexContext & { readonly pool: Pool; readonly log: Logger }) {
    this.#context = context;
  }

  /** Starts what can be started; returns when it has looked. */
  look(): Promise<void> {
    this.#elsewhere.clear();
    return this.#lookOn();
  }

  async stop(limitMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(new Error('the worker stops')), limitMs);
    this.#again = false;
    this.#closed = true;
    await this.#looking;
    await Promise.allSettled([...this.#underWay.values()].map(({ run }) => run));
    clearTimeout(timer);
  }

  #closed = false;

  #lookOn(): Promise<void> {
    this.#again = true;
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookAll(): Promise<void> {
    const { db, log } = this.#context;
    while (this.#again && !this.#closed) {
      this.#again = false;
      if (this.#underWay.size >= slots) continue;
      try {
        const found = await waiting(db, [...this.#underWay.keys(), ...this.#elsewhere, ...this.#pausing()]);
        this.#startNext(found);
      } catch (error) {
        log.warn({ err: error as Error }, 'documents to index not found');
      }
    }
  }

  /** Failed, and not to be tried again yet. */
  #pausing(): string[] {
    const now = Date.now();
    return [...this.#failures].filter(([, { nextAtMs }]) => nextAtMs > now).map(([id]) => id);
  }

  #startNext(found: readonly Waiting[]): void {
    const tenants = new Set(found.map(({ tenantId }) => tenantId));
    for (const tenant of this.#served.keys()) if (!tenants.has(tenant)) this.#served.delete(tenant);
    let left = found;
    while (!this.#closed && this.#underWay.size < slots) {
      const next = nextToIndex(left, [...this.#underWay.values()], this.#served);
      if (!next) return;
      left = left.filter((other) => other !== next);
      this.#start(next);
    }
  }

  #start({ id, documentId, tenantId, heavy }: Waiting): void {
    this.#turns += 1;
    this.#served.set(tenantId, this.#turns);
    const run = this.#index(id, documentId).then((outcome) => {
      this.#underWay.delete(id);
      if (outcome === 'held') this.#elsewhere.add(id);
      // Another document may have waited for the slot.
      if (outcome !== 'failed' && !this.#closed) void this.#lookOn();
    });
    this.#underWay.set(id, { tenantId, heavy, run });
  }

  /** Never rejects. @returns `held`: another worker has it */
  async #index(jobId: string, documentId: string): Promise<'ran' | 'held' | 'failed'> {
    const { pool, log } = this.#context;
    try {
      const ran = await tryLock(pool, documentLock(documentId), (held) =>
        indexDocument(this.#context, jobId, AbortSignal.any([this.#stop.signal, held])),
      );
      this.#failures.delete(jobId);
      return ran ? 'ran' : 'held';
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#failed(jobId);
      log.warn({ err: error as Error, jobId }, 'document not indexed yet');
      return 'failed';
    }
  }

  /** The vectorstore is ours: tried until it answers. */
  #failed(jobId: string): void {
    const waits = this.#failures.get(jobId)?.waits ?? 0;
    const nextAtMs = Date.now() + Math.min(retryMaxMs, retryMs * 2 ** waits);
    this.#failures.set(jobId, { waits: waits + 1, nextAtMs });
  }
}

/** Each tenant's oldest first. @param except jobs that are not to be started */
async function waiting(db: Database, except: readonly string[]): Promise<Waiting[]> {
  // They share one slot: the light lane always has the other.
  const heavy = sql<boolean>`coalesce(jobs.pages_total > ${lanePagesMax.light}, false)`;
  return db
    .selectFrom(
      db
        .selectFrom('jobs')
        .innerJoin('documents', 'documents.id', 'jobs.document_id')
        .select(['jobs.id', 'documents.id as documentId', 'jobs.tenant_id as tenantId'])
        .select([
          heavy.as('heavy'),
          sql<number>`row_number() over (partition by jobs.tenant_id, ${heavy} order by jobs.id)`.as('place'),
        ])
        .where('jobs.kind', '=', 'ingest')
        .where('jobs.stage', '=', 'indexing')
        .where('jobs.status', 'in', indexableStatuses)
        .where('documents.deleted_at', 'is', null)
        .where(sql<boolean>`jobs.id <> all(${except}::uuid[])`)
        .as('ranked'),
    )
    .select(['id', 'documentId', 'tenantId', 'heavy'])
    .where('place', '<=', perTenantMax)
    .orderBy('place')
    .orderBy('id')
    .limit(waitingMax)
    .execute();
}
