/**
 * Makes the vectors that documents still lack, turn by turn (../tenant-turns.ts). A few at once; while the embedding or the vectorstore is away it waits, and documents stay searchable by their words.
 */
import { sql } from 'kysely';
import type { Pool } from 'pg';
import type { Embedding } from '../../shared/models/embedding.ts';
import { EmbeddingError, refusesTexts } from '../../shared/models/remote-embedding.ts';
import { tryLock, vectorsLock } from '../../shared/postgres/advisory-lock.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { VectorstoreError } from '../index/vectors.ts';
import { type Outcome, Retries, TenantTurns, type Waiting } from '../tenant-turns.ts';
import { type EmbedContext, embedTurn, notPaused, pagesPerTurn, wantedDimensions, wantedModel } from './embed-turn.ts';
import { settleReindexes } from './reindex.ts';

/** Each holds one batch in memory; one waits for the vectorstore while the other embeds. */
const slots = 2;
/** Of one tenant at one look: more than other workers can have under way. */
const perTenantMax = 16;
const retryMs = 2000;
/** What is away is asked for so often; a document that cannot be embedded waits as long. */
const retryMaxMs = 60_000;

/** Under this name the embedding and the vectorstore are away together: nothing is started then. */
const endpoints = 'endpoints';

export class EmbedLoop {
  readonly #context: EmbedContext & { readonly pool: Pool };
  readonly #retries = new Retries(retryMs, retryMaxMs);
  readonly #away = new Retries(retryMs, retryMaxMs);
  readonly #turns: TenantTurns;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: EmbedContext & { readonly pool: Pool }) {
    this.#context = context;
    const { db, embedder, log } = context;
    this.#turns = new TenantTurns({
      slots,
      heavySlots: 1,
      pagesPerRun: pagesPerTurn,
      what: 'documents to embed',
      log,
      find: async (except) =>
        this.#away.pausing().length > 0 ? [] : waiting(db, embedder, [...except, ...this.#retries.pausing()]),
      run: (one, signal) => this.#turn(one, signal),
    });
  }

  /** Starts what can be started; returns when it has looked. */
  async look(): Promise<void> {
    await this.#settle();
    return this.#turns.look();
  }

  stop(limitMs: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    return this.#turns.stop(limitMs);
  }

  /** Never rejects. */
  async #settle(): Promise<void> {
    const { db, embedder, log } = this.#context;
    await settleReindexes(db, embedder).catch((err) =>
      log.warn({ err }, 'brains that are embedded anew not looked at'),
    );
  }

  async #turn({ documentId }: Waiting, stop: AbortSignal): Promise<Outcome> {
    const { pool } = this.#context;
    try {
      let whole = false;
      const ran = await tryLock(pool, vectorsLock(documentId), async (held) => {
        const outcome = await embedTurn(this.#context, documentId, AbortSignal.any([stop, held]));
        whole = outcome === 'whole';
      });
      this.#retries.succeeded(documentId);
      this.#away.succeeded(endpoints);
      if (whole) await this.#settle();
      return ran ? 'ran' : 'held';
    } catch (error) {
      if (!stop.aborted) this.#failed(documentId, error as Error);
      // Others may go on; if nothing can, `find` finds nothing.
      return 'ran';
    }
  }

  #failed(documentId: string, error: Error): void {
    const away = error instanceof VectorstoreError || (error instanceof EmbeddingError && !refusesTexts(error));
    const delayMs = away ? this.#away.failed(endpoints) : this.#retries.failed(documentId);
    this.#context.log.warn({ err: error, documentId, delayMs }, 'vectors wait: found by full text alone meanwhile');
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#turns.lookOn(), delayMs);
    this.#timer.unref();
  }
}

/** Each tenant's oldest, wherever the index has none of a tenant it is not looked at. @param except not to be started */
async function waiting(db: Database, { model, dimensions }: Embedding, except: readonly string[]): Promise<Waiting[]> {
  const { rows } = await sql<{ id: string; tenant_id: string; left: number }>`
    with recursive tenants as (
      (select tenant_id from documents where vectors_pending order by tenant_id limit 1)
      union all
      select (select d.tenant_id from documents d where d.vectors_pending and d.tenant_id > tenants.tenant_id
        order by d.tenant_id limit 1)
      from tenants where tenants.tenant_id is not null
    )
    select waiting.id, waiting.tenant_id, waiting."left" from tenants cross join lateral (
      select documents.id, documents.tenant_id, greatest(1, documents.pages_total - case
        when vectors_model = ${model} and vectors_dimensions = ${dimensions} then vectors_page else 0 end) as "left"
      from documents join brains on brains.id = documents.brain_id
      where documents.vectors_pending and documents.tenant_id = tenants.tenant_id and documents.deleted_at is null
        and ${wantedModel} = ${model} and ${wantedDimensions} = ${dimensions}
        and ${notPaused} and documents.id <> all(${except}::uuid[])
        and not exists (select from public.tenants t where t.id = documents.tenant_id and t.suspended_at is not null)
      order by documents.id limit ${perTenantMax}
    ) waiting`.execute(db);
  return rows.map(({ id, tenant_id, left }) => ({ id, documentId: id, tenantId: tenant_id, left }));
}
