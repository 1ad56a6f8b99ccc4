/** After the last page: chunks, embeddings, vectors; then the job ends. Safe to repeat from the start. */
import type { PageResult } from '../shared/contract/page.ts';
import { type Chunk, chunksPerUpsertMax } from '../shared/contract/vectorstore.ts';
import type { Database } from '../shared/database.ts';
import type { DocumentStore } from '../shared/document-store.ts';
import { createEmbedder, type Embedder, type EmbeddingSettings } from '../shared/embedding.ts';
import { readPageResults } from '../shared/page-results.ts';
import { ProblemError } from '../shared/problem.ts';
import { chunkPage } from './chunk-page.ts';
import { endJob } from './jobs.ts';
import type { WorkerMetrics } from './metrics.ts';
import type { DocumentTarget, Vectors } from './vectors.ts';

export interface IndexContext {
  readonly db: Database;
  readonly store: DocumentStore;
  readonly vectors: Vectors;
  readonly settings: EmbeddingSettings;
  readonly metrics: WorkerMetrics;
}

/**
 * One upsert as JSON. While the vectorstore reads it no search moves: 4 MiB held first tokens up by 100 ms at half a CPU.
 * Each is a commit, so not too small either.
 */
const batchBytesMax = 1024 * 1024;

/** Chunks of one upsert: 22 bytes per number of a vector, 4,000 for the text in UTF-8 and JSON. */
export const chunksPerBatch = (dimensions: number) =>
  Math.max(1, Math.min(chunksPerUpsertMax, Math.floor(batchBytesMax / (dimensions * 22 + 4000))));

/** The caller holds the document's lock. @throws what another try may mend */
export async function indexDocument(context: IndexContext, jobId: string, signal: AbortSignal): Promise<void> {
  const { db, vectors } = context;
  const job = await loadJob(db, jobId);
  if (!job) return;
  const target = { tenantId: job.tenant_id, brainId: job.brain_id, documentId: job.document_id };
  const embedder = embedderOf(context.settings, job);
  if (embedder instanceof ProblemError) return endJob(db, jobId, 'failed', embedder);
  // Pages that were read again must not stand beside their former chunks.
  if (job.attempt > 1) await vectors.deleteDocument(target, signal);
  const batchChunks = chunksPerBatch(embedder.dimensions);
  let chunks = 0;
  let scanned = 0;
  const batch: Chunk[] = [];
  const flush = async () => {
    if (await isCanceled(db, jobId)) throw new CanceledError();
    await upsert(context, embedder, { ...target, jobId, attempt: job.attempt, place: chunks }, batch, signal);
    chunks += batch.length;
    batch.length = 0;
  };
  try {
    for await (const page of donePages(context, job.document_id)) {
      if (page.metadata.scanned) scanned += 1;
      for (const { start, end, text } of chunkPage(page.text)) {
        const id = `${job.document_id}:${page.page_number}:${start}`;
        batch.push({ id, page_number: page.page_number, start, end, text, vector: [] });
        if (batch.length >= batchChunks) await flush();
      }
    }
    await flush();
  } catch (error) {
    if (!(error instanceof CanceledError)) throw error;
    await vectors.deleteDocument(target, signal);
    return endJob(db, jobId, 'canceled');
  }
  const outcome = await outcomeOf(db, job.document_id, chunks, scanned);
  await endJob(db, jobId, outcome.status, outcome.problem);
}

class CanceledError extends Error {}

async function upsert(
  { db, vectors, metrics }: IndexContext,
  embedder: Embedder,
  at: DocumentTarget & { jobId: string; attempt: number; place: number },
  batch: readonly Chunk[],
  signal: AbortSignal,
): Promise<void> {
  if (batch.length === 0) return;
  const { vectors: embedded, tokens } = await embedder.embedMetered(
    batch.map(({ text }) => text),
    signal,
  );
  if (tokens > 0)
    await db
      .insertInto('ledger')
      .values({
        key: `embedding:${at.jobId}:${at.attempt}:${at.place}`,
        tenant_id: at.tenantId,
        brain_id: at.brainId,
        job_id: at.jobId,
        kind: 'embedding_tokens',
        amount: tokens,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  const chunks = batch.map((chunk, index) => ({ ...chunk, vector: embedded[index] as number[] }));
  await vectors.upsert(at, embedder.dimensions, chunks, signal);
  metrics.indexed.inc(chunks.length);
  await db.updateTable('jobs').set({ moved_at: new Date() }).where('id', '=', at.jobId).execute();
}

/** Pages in order, one checkpoint object in memory at a time, each page from the object that its row names. */
async function* donePages({ db, store }: IndexContext, documentId: string): AsyncGenerator<PageResult> {
  const rows = await db
    .selectFrom('pages')
    .select(['page_number', 'object_key'])
    .where('document_id', '=', documentId)
    .orderBy('page_number')
    .execute();
  const pagesOf = Map.groupBy(rows, ({ object_key }) => object_key);
  for (const [key, members] of pagesOf) {
    const wanted = new Set(members.map(({ page_number }) => page_number));
    for (const page of await readPageResults(store, key)) if (wanted.has(page.page_number)) yield page;
  }
}

async function outcomeOf(db: Database, documentId: string, chunks: number, scanned: number) {
  const { pages, failed, message } = await db
    .selectFrom('pages')
    .select((eb) => [
      eb.fn.countAll<number>().as('pages'),
      eb.fn.count<number>('error_code').as('failed'),
      eb.fn.min('error_message').as('message'),
    ])
    .where('document_id', '=', documentId)
    .executeTakeFirstOrThrow();
  return decideOutcome({ pages, failed, scanned, chunks, message });
}

interface Outcome {
  readonly status: 'succeeded' | 'partial' | 'failed';
  readonly problem?: ProblemError;
}

/** How an ingest job ends, from what its pages gave. */
export function decideOutcome(found: {
  pages: number;
  failed: number;
  scanned: number;
  chunks: number;
  message: string | null;
}): Outcome {
  const { pages, failed, scanned, chunks, message } = found;
  if (failed === pages)
    return { status: 'failed', problem: new ProblemError('damaged', `No page could be read. ${message ?? ''}`.trim()) };
  if (chunks === 0) {
    const why =
      scanned > 0
        ? `${scanned} of ${pages} pages are pictures of text, which this installation cannot read.`
        : 'The document has no text.';
    return { status: 'failed', problem: new ProblemError('no-text', why) };
  }
  return { status: failed > 0 ? 'partial' : 'succeeded' };
}

function embedderOf(
  settings: EmbeddingSettings,
  brain: { embedding_model: string; embedding_dimensions: number },
): Embedder | ProblemError {
  try {
    return createEmbedder(settings, { model: brain.embedding_model, dimensions: brain.embedding_dimensions });
  } catch (error) {
    return new ProblemError('model-failed', (error as Error).message);
  }
}

const loadJob = (db: Database, jobId: string) =>
  db
    .selectFrom('jobs')
    .innerJoin('documents', 'documents.id', 'jobs.document_id')
    .innerJoin('brains', 'brains.id', 'jobs.brain_id')
    .select(['jobs.id', 'jobs.tenant_id', 'jobs.brain_id', 'jobs.attempt', 'documents.id as document_id'])
    .select(['brains.embedding_model', 'brains.embedding_dimensions'])
    .where('jobs.id', '=', jobId)
    .where('jobs.stage', '=', 'indexing')
    .where('jobs.status', 'in', ['running', 'canceling'])
    .executeTakeFirst();

async function isCanceled(db: Database, jobId: string): Promise<boolean> {
  const job = await db.selectFrom('jobs').select('status').where('id', '=', jobId).executeTakeFirst();
  return job?.status !== 'running';
}
