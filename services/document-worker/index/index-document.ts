/** After the last page: chunks, embeddings, vectors; then the job ends. Safe to repeat from the start. */
import { type ChunkInput, chunksPerUpsertMax } from '../../shared/contract/vectorstore.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { recordProgress } from '../../shared/jobs/job-store.ts';
import { entryOf, recordEntries } from '../../shared/ledger/ledger.ts';
import { createEmbedder, type Embedder, type EmbeddingSettings } from '../../shared/models/embedding.ts';
import { EmbeddingError } from '../../shared/models/remote-embedding.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { DocumentStore } from '../../shared/storage/document-store.ts';
import { readPageResults } from '../../shared/storage/page-results.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { endRun, type IndexRun, lookAt, startRun } from './index-run.ts';
import { openSections } from './open-sections.ts';
import { isSuperseded, type Vectors } from './vectors.ts';

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

export interface IndexOptions {
  /** Aborts when the worker stops, and when the lock of the document is lost. */
  readonly signal: AbortSignal;
  /** An embedding endpoint that refuses now fails the job with its message. */
  readonly lastTry: boolean;
}

/** The caller holds the document's lock. @throws what another try may mend */
export async function indexDocument(context: IndexContext, jobId: string, options: IndexOptions): Promise<void> {
  const { db, vectors } = context;
  const { signal } = options;
  signal.throwIfAborted();
  const run = await startRun(db, jobId);
  if (!run) return;
  const embedder = embedderOf(context.settings, run);
  if (embedder instanceof ProblemError) return void (await endRun(db, run, 'failed', embedder));
  try {
    // What a run before left must not stand beside the new chunks: pages may have been read again.
    if (!run.first) await vectors.deleteDocument(run, signal);
    const chunks = await writeChunks(context, run, embedder, signal);
    const outcome = await outcomeOf(db, run.documentId, chunks);
    await endRun(db, run, outcome.status, outcome.problem);
  } catch (error) {
    if (error instanceof SupersededError || isSuperseded(error)) return;
    if (error instanceof EmbeddingError && options.lastTry)
      return void (await endRun(db, run, 'failed', new ProblemError('model-failed', error.message)));
    if (!(error instanceof CanceledError)) throw error;
    await vectors.deleteDocument(run, signal);
    await endRun(db, run, 'canceled');
  }
}

class CanceledError extends Error {}
class SupersededError extends Error {}

async function writeChunks(
  context: IndexContext,
  run: IndexRun,
  embedder: Embedder,
  signal: AbortSignal,
): Promise<number> {
  const batchChunks = chunksPerBatch(embedder.dimensions);
  let chunks = 0;
  const batch: ChunkInput[] = [];
  const flush = async () => {
    const standing = await lookAt(context.db, run);
    if (standing === 'canceled') throw new CanceledError();
    if (standing === 'superseded') throw new SupersededError();
    signal.throwIfAborted();
    await upsert(context, embedder, run, chunks, batch, signal);
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
  { db, vectors, metrics }: IndexContext,
  embedder: Embedder,
  run: IndexRun,
  place: number,
  batch: readonly ChunkInput[],
  signal: AbortSignal,
): Promise<void> {
  if (batch.length === 0) return;
  const { vectors: embedded, tokens } = await embedder.embedMetered(
    batch.map(({ text }) => text),
    signal,
  );
  await recordEntries(db, run, [entryOf('index', run.jobId, [run.attempt, place], 'embedding_tokens', tokens)]);
  const chunks = batch.map((chunk, index) => ({ ...chunk, vector: embedded[index] as number[] }));
  await vectors.upsert(run, embedder.dimensions, chunks, signal);
  metrics.indexed.inc(chunks.length);
  await recordProgress(db, run.jobId);
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

function embedderOf(settings: EmbeddingSettings, { embedding }: IndexRun): Embedder | ProblemError {
  try {
    return createEmbedder(settings, embedding);
  } catch (error) {
    return new ProblemError('model-failed', (error as Error).message);
  }
}
