/**
 * Makes the vectors that documents still lack: turn by turn, tenant after tenant, the oldest document of each first. A few
 * at once; while the embedding or the vectorstore is away it waits, and documents stay searchable by their words.
 */
import { sql } from 'kysely';
import type { Pool } from 'pg';
import type { Embedding } from '../../shared/models/embedding.ts';
import { EmbeddingError, refusesTexts } from '../../shared/models/remote-embedding.ts';
import { tryLock, vectorsLock } from '../../shared/postgres/advisory-lock.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { nextToIndex, type Waiting } from '../index/index-order.ts';
import { VectorstoreError } from '../index/vectors.ts';
import { type EmbedContext, embedTurn, wantedDimensions, wantedModel } from './embed-turn.ts';
import { settleReindexes } from './reindex.ts';

/** Each holds a database connection and one batch in memory; one waits for the vectorstore while the other embeds. */
export const embedSlots = 2;
/** Of one tenant at one look: more than other workers can have under way. */
const perTenantMax = 16;
const retryMs = 2000;
/** What is away is asked for so often; a document that cannot be embedded waits as long. */
const retryMaxMs = 60_000;

export class EmbedLoop {
  readonly #context: EmbedContext & { readonly pool: Pool };
  readonly #underWay = new Map<string, { tenantId: string; heavy: boolean; run: Promise<void> }>();
  /** Documents that failed. */
  readonly #failures = new Map<string, { waits: number; nextAtMs: number }>();
  /** The embedding or the vectorstore is away: nothing is started until then. */
  #away = { waits: 0, untilMs: 0 };
  readonly #served = new Map<string, number>();
  #turns = 0;
  /** Under way in another worker, as far as this look knows. */
  readonly #elsewhere = new Set<string>();
  readonly #stop = new AbortController();
  #looking: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: EmbedContext & { readonly pool: Pool }) {
    this.#context = context;
  }

  /** Starts what can be started; returns when it has looked. */
  async look(): Promise<void> {
    this.#elsewhere.clear();
    await this.#settle();
    return this.#lookOn();
  }

  async stop(limitMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(new Error('the worker stops')), limitMs);
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.allSettled([...this.#underWay.values()].map(({ run }) => run));
    clearTimeout(timer);
  }

  /** Never rejects. */
  async #settle(): Promise<void> {
    const { db, embedder, log } = this.#context;
    await settleReindexes(db, embedder).catch((err) =>
      log.warn({ err }, 'brains that are embedded anew not looked at'),
    );
  }

  #lookOn(): Promise<void> {
    this.#again = true;
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookAll(): Promise<void> {
    const { db, embedder, log } = this.#context;
    while (this.#again && !this.#closed) {
      this.#again = false;
      if (this.#underWay.size >= embedSlots || this.#away.untilMs > Date.now()) continue;
      try {
        const except = [...this.#underWay.keys(), ...this.#elsewhere, ...this.#pausing()];
        this.#startNext(await waiting(db, embedder, except));
      } catch (error) {
        log.warn({ err: error as Error }, 'documents to embed not found');
      }
    }
  }

  #pausing(): string[] {
    const now = Date.now();
    return [...this.#failures].filter(([, { nextAtMs }]) => nextAtMs > now).map(([id]) => id);
  }

  #startNext(found: readonly Waiting[]): void {
    const tenants = new Set([...found, ...this.#underWay.values()].map(({ tenantId }) => tenantId));
    for (const tenant of this.#served.keys()) if (!tenants.has(tenant)) this.#served.delete(tenant);
    let left = found;
    while (!this.#closed && this.#underWay.size < embedSlots) {
      const next = nextToIndex(left, [...this.#underWay.values()], this.#served);
      if (!next) return;
      left = left.filter((other) => other !== next);
      this.#start(next);
    }
  }

  #start({ documentId, tenantId }: Waiting): void {
    this.#turns += 1;
    this.#served.set(tenantId, this.#turns);
    const run = this.#turn(documentId).then(() => {
      this.#underWay.delete(documentId);
      if (!this.#closed) void this.#lookOn();
    });
    this.#underWay.set(documentId, { tenantId, heavy: false, run });
  }

  /** Never rejects. */
  async #turn(documentId: string): Promise<void> {
    const { pool } = this.#context;
    try {
      let whole = false;
      const ran = await tryLock(pool, vectorsLock(documentId), async (held) => {
        const outcome = await embedTurn(this.#context, documentId, AbortSignal.any([this.#stop.signal, held]));
        whole = outcome === 'whole';
      });
      this.#failures.delete(documentId);
      this.#away = { waits: 0, untilMs: 0 };
      if (!ran) this.#elsewhere.add(documentId);
      if (whole) await this.#settle();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#failed(documentId, error as Error);
    }
  }

  #failed(documentId: string, error: Error): void {
    const away = error instanceof VectorstoreError || (error instanceof EmbeddingError && !refusesTexts(error));
    const waits = away ? this.#away.waits : (this.#failures.get(documentId)?.waits ?? 0);
    const delayMs = Math.min(retryMaxMs, retryMs * 2 ** waits);
    const untilMs = Date.now() + delayMs;
    this.#context.log.warn({ err: error, documentId, delayMs }, 'vectors wait: found by full text alone meanwhile');
    if (away) this.#away = { waits: waits + 1, untilMs };
    else this.#failures.set(documentId, { waits: waits + 1, nextAtMs: untilMs });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#lookOn(), delayMs);
    this.#timer.unref();
  }
}

/** Each tenant's oldest, wherever the index has none of a tenant it is not looked at. @param except not to be started */
async function waiting(db: Database, { model, dimensions }: Embedding, except: readonly string[]): Promise<Waiting[]> {
  const { rows } = await sql<{ id: string; tenant_id: string }>`
    with recursive tenants as (
      (select tenant_id from documents where vectors_pending order by tenant_id limit 1)
      union all
      select (select d.tenant_id from documents d where d.vectors_pending and d.tenant_id > tenants.tenant_id
        order by d.tenant_id limit 1)
      from tenants where tenants.tenant_id is not null
    )
    select waiting.id, waiting.tenant_id from tenants cross join lateral (
      select documents.id, documents.tenant_id from documents join brains on brains.id = documents.brain_id
      where documents.vectors_pending and documents.tenant_id = tenants.tenant_id and documents.deleted_at is null
        and ${wantedModel} = ${model} and ${wantedDimensions} = ${dimensions}
        and documents.id <> all(${except}::uuid[])
      order by documents.id limit ${perTenantMax}
    ) waiting`.execute(db);
  return rows.map(({ id, tenant_id }) => ({ id, documentId: id, tenantId: tenant_id, heavy: false }));
}
