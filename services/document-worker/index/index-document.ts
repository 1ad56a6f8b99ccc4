/** After the last page: chunks and their vectors; then the job ends. Safe to repeat from the start. */
import { type ChunkInput, chunksPerUpsertMax } from '../../shared/contract/vectorstore.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { recordProgress } from '../../shared/jobs/job-store.ts';
import { entryOf, recordEntries } from '../../shared/ledger/ledger.ts';
import type { Logger } from '../../shared/log.ts';
import type { Embedder } from '../../shared/models/embedding.ts';
import { EmbeddingError } from '../../shared/models/remote-embedding.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { DocumentStore } from '../../shared/storage/document-store.ts';
import { readPageResults } from '../../shared/storage/page-results.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { type ChunkVectors, embedChunks } from './embed-chunks.ts';
import { endRun, type IndexRun, lookAt, startRun } from './index-run.ts';
import { openSections } from './open-sections.ts';
import { isSuperseded, type Vectors } from './vectors.ts';

export interface IndexContext {
  readonly db: Database;
  readonly store: DocumentStore;
  readonly vectors: Vectors;
  /** Null: full text alone. */
  readonly embedder: Embedder | null;
  readonly log: Logger;
  readonly metrics: WorkerMetrics;
}

/**
 * One upsert as JSON. While the vectorstore reads it no search moves: 4 MiB held first tokens up by 100 ms at half a CPU.
 * Each is a commit, so not too small either.
 */
const batchBytesMax = 1024 * 1024;

/**
 * Chunks of one upsert: 4,000 bytes for the text in UTF-8 and JSON, 8 for each number of its vector, and for each of some
 * eight sentences four bytes of base64 per three numbers.
 */
export const chunksPerBatch = (dimensions: number) =>
  Math.max(1, Math.min(chunksPerUpsertMax, Math.floor(batchBytesMax / (4000 + dimensions * (8 + (8 * 4) / 3)))));

/**
 * The caller holds the document's lock.
 *
 * @param signal aborts when the worker stops, and when the lock of the document is lost
 * @throws what another try may mend
 */
export async function indexDocument(context: IndexContext, jobId: string, signal: AbortSignal): Promise<void> {
  const { db, vectors } = context;
  signal.throwIfAborted();
  const run = await startRun(db, jobId);
  if (!run) return;
  try {
    // What a run before left must not stand beside the new chunks: pages may have been read again.
    if (!run.first) await vectors.deleteDocument(run, signal);
    const chunks = await writeChunks(context, run, signal);
    const outcome = await outcomeOf(db, run.documentId, chunks);
    await endRun(db, run, outcome.status, outcome.problem);
  } catch (error) {
    if (error instanceof SupersededError || isSuperseded(error)) return;
    if (!(error instanceof CanceledError)) throw error;
    await vectors.deleteDocument(run, signal);
    await endRun(db, run, 'canceled');
  }
}

class CanceledError extends Error {}
class SupersededError extends Error {}

async function writeChunks(context: IndexContext, run: IndexRun, signal: AbortSignal): Promise<number> {
  const batchChunks = chunksPerBatch(context.embedder?.dimensions ?? 0);
  let chunks = 0;
  const batch: ChunkInput[] = [];
  const flush = async () => {
    const standing = await lookAt(context.db, run);
    if (standing === 'canceled') throw new CanceledError();
    if (standing === 'superseded') throw new SupersededError();
    signal.throwIfAborted();
    await upsert(context, run, chunks, batch, signal);
    chunks += batch.length;
    batch.length = 0;
  };
  const { sections, places } = await openSections(context, run.documentId);
  for await (const page of readPageResults(context.store, places)) {
    for (const { start, end, text, heading } of sections.chunksOf(page)) {
      const id = `${run.documentId}:${page.page_number}:${start}`;
      batch.push({ id, page_number: page.page_number, start, end, text, heading });
      if (batch.length >= batchChunks) await flush();
    }
  }
  await flush();
  return chunks;
}

async function upsert(
  context: IndexContext,
  run: IndexRun,
  place: number,
  batch: readonly ChunkInput[],
  signal: AbortSignal,
): Promise<void> {
  if (batch.length === 0) return;
  const { db, vectors, metrics } = context;
  const embedded = await embed(context, run, place, batch, signal);
  const chunks = batch.map((chunk, index) => ({ ...chunk, ...embedded?.[index] }));
  await vectors.upsert(run, embedded && context.embedder, chunks, signal);
  metrics.indexed.inc(chunks.length);
  await recordProgress(db, run.jobId);
}

/** Null: these chunks are found by full text alone, which is better than not at all. */
async function embed(
  { db, embedder, log }: IndexContext,
  run: IndexRun,
  place: number,
  batch: readonly ChunkInput[],
  signal: AbortSignal,
): Promise<ChunkVectors[] | null> {
  if (!embedder) return null;
  const { jobId, tenantId, brainId } = run;
  try {
    const { vectors, tokens } = await embedChunks(embedder, batch, { tenantId, brainId, signal });
    await recordEntries(db, run, [entryOf('index', run.jobId, [run.attempt, place], 'embedding_tokens', tokens)]);
    return vectors;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof EmbeddingError)) throw error;
    log.warn({ err: error, jobId }, 'chunks not embedded: found by full text alone');
    return null;
  }
}

async function outcomeOf(db: Database, documentId: string, chunks: number) {
  const { pages, failed, withoutText, message } = await db
    .selectFrom('pages')
    .select((eb) => [
      eb.fn.countAll<number>().as('pages'),
      eb.fn.count<number>('error_code').as('failed'),
      eb.fn.countAll<number>().filterWhere('without_text', '=', true).as('withoutText'),
      eb.fn.min('error_message').as('message'),
    ])
    .where('document_id', '=', documentId)
    .executeTakeFirstOrThrow();
  return decideOutcome({ pages, failed, withoutText, chunks, message });
}

interface Outcome {
  readonly status: 'succeeded' | 'partial' | 'failed';
  readonly problem?: ProblemError;
}

/** How an ingest job ends, from what its pages gave. */
export function decideOutcome(found: {
  pages: number;
  failed: number;
  /** Something is drawn on them, but they hold no text. */
  withoutText: number;
  chunks: number;
  message: string | null;
}): Outcome {
  const { pages, failed, withoutText, chunks, message } = found;
  if (failed === pages)
    return { status: 'failed', problem: new ProblemError('damaged', `No page could be read. ${message ?? ''}`.trim()) };
  if (chunks === 0) {
    const why =
      withoutText > 0
        ? `${withoutText} of ${pages} pages hold no text (scanned?); pictures of text cannot be read here.`
        : 'The document has no text.';
    return { status: 'failed', problem: new ProblemError('no-text', why) };
  }
  return { status: failed + withoutText > 0 ? 'partial' : 'succeeded' };
}
