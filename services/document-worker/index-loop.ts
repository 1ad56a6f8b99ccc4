/** Indexes documents whose pages are done, this worker's or another's. A lock that dies with the process holds each. */
import type { Pool } from 'pg';
import type { Database } from '../shared/database.ts';
import type { Logger } from '../shared/log.ts';
import { EmbeddingError } from '../shared/remote-embedding.ts';
import { documentLock, tryLock } from './advisory-lock.ts';
import { type IndexContext, indexDocument } from './index-document.ts';

/** Each holds a database connection and one batch in memory. */
const slots = 2;
/** Documents above this share one slot: the light lane always has the other. */
const lightPagesMax = 100;
const retryMs = 5000;
const retryMaxMs = 60_000;
/** Tries of an embedding endpoint before the job fails with its message; about 8 minutes. */
const embeddingTriesMax = 10;

export class IndexLoop {
  readonly #context: IndexContext & { readonly pool: Pool; readonly log: Logger };
  readonly #underWay = new Map<string, { heavy: boolean; run: Promise<void> }>();
  readonly #failures = new Map<string, { tries: number; waits: number; nextAtMs: number }>();
  readonly #stop = new AbortController();
  #looking: Promise<void> | undefined;
  #again = false;

  constructor(context: IndexContext & { readonly pool: Pool; readonly log: Logger }) {
    this.#context = context;
  }

  /** Starts what can be started; returns when it has looked. */
  look(): Promise<void> {
    this.#again = true;
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
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

  async #lookAll(): Promise<void> {
    const { db, log } = this.#context;
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        for (const { id, document_id, heavy } of await waiting(db)) this.#start(id, document_id, heavy);
      } catch (error) {
        log.warn({ err: error as Error }, 'documents to index not found');
      }
    }
  }

  #start(jobId: string, documentId: string, heavy: boolean): void {
    if (this.#closed || this.#underWay.size >= slots || this.#underWay.has(jobId)) return;
    if (heavy && [...this.#underWay.values()].some((other) => other.heavy)) return;
    if ((this.#failures.get(jobId)?.nextAtMs ?? 0) > Date.now()) return;
    const run = this.#index(jobId, documentId).then((ran) => {
      this.#underWay.delete(jobId);
      // Another document may have waited for the slot.
      if (ran && !this.#closed) void this.look();
    });
    this.#underWay.set(jobId, { heavy, run });
  }

  /** Whether it was this worker's turn. Never rejects. */
  async #index(jobId: string, documentId: string): Promise<boolean> {
    const { pool, log } = this.#context;
    try {
      const lastTry = (this.#failures.get(jobId)?.tries ?? 0) + 1 >= embeddingTriesMax;
      const ran = await tryLock(pool, documentLock(documentId), (held) =>
        indexDocument(this.#context, jobId, { signal: AbortSignal.any([this.#stop.signal, held]), lastTry }),
      );
      this.#failures.delete(jobId);
      return ran;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#failed(jobId, error as Error);
      log.warn({ err: error as Error, jobId }, 'document not indexed yet');
      return false;
    }
  }

  /** The vectorstore is ours: tried until it answers. A model endpoint may refuse for good: only its tries count. */
  #failed(jobId: string, error: Error): void {
    const before = this.#failures.get(jobId) ?? { tries: 0, waits: 0 };
    const tries = before.tries + (error instanceof EmbeddingError ? 1 : 0);
    const nextAtMs = Date.now() + Math.min(retryMaxMs, retryMs * 2 ** before.waits);
    this.#failures.set(jobId, { tries, waits: before.waits + 1, nextAtMs });
  }
}

/** Small documents first. */
async function waiting(db: Database) {
  const jobs = await db
    .selectFrom('jobs')
    .innerJoin('documents', 'documents.id', 'jobs.document_id')
    .select(['jobs.id', 'documents.id as document_id', 'jobs.pages_total'])
    .where('jobs.kind', '=', 'ingest')
    .where('jobs.stage', '=', 'indexing')
    .where('jobs.status', 'in', ['running', 'canceling'])
    .where('documents.deleted_at', 'is', null)
    .orderBy('jobs.pages_total')
    .orderBy('jobs.id')
    .limit(100)
    .execute();
  return jobs.map((job) => ({ ...job, heavy: (job.pages_total ?? 0) > lightPagesMax }));
}
