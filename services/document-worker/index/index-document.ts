/**
 * After the last page: chunks, found by full text from then on; then the job ends. Their vectors follow (embed/). Safe to
 * repeat from the start.
 */
import { type ChunkInput, chunksPerUpsertMax } from '../../shared/contract/vectorstore.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { recordProgress } from '../../shared/jobs/job-store.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { type DocumentStore, NotInStoreError } from '../../shared/storage/document-store.ts';
import { readPageResults } from '../../shared/storage/page-results.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { endRun, type IndexRun, lookAt, startRun } from './index-run.ts';
import { openSections } from './open-sections.ts';
import { isSuperseded, type Vectors } from './vectors.ts';

export interface IndexContext {
  readonly db: Database;
  readonly store: DocumentStore;
  readonly vectors: Vectors;
  /** Do vectors follow? */
  readonly embeds: boolean;
  readonly metrics: WorkerMetrics;
}

/**
 * Chunks of one upsert: 4,000 bytes each in UTF-8 and JSON, so a megabyte. While the vectorstore reads it no search moves:
 * 4 MiB held first tokens up by 100 ms at half a CPU. Each is a commit, so not too small either.
 */
export const chunksPerBatch = Math.min(chunksPerUpsertMax, 256);

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
    await endRun(db, run, outcome.status, outcome.problem, context.embeds && chunks > 0);
  } catch (error) {
    if (error instanceof SupersededError || isSuperseded(error)) return;
    const isLost = error instanceof NotInStoreError;
    if (!isLost && !(error instanceof CanceledError)) throw error;
    await vectors.deleteDocument(run, signal);
    await (isLost ? endRun(db, run, 'failed', resultsLost()) : endRun(db, run, 'canceled'));
  }
}

/** Another try would find no more, and its pages are not read again, since none failed. */
const resultsLost = () =>
  new ProblemError(
    'damaged',
    'What was read of its pages is no longer stored. Delete the document, then upload it again.',
  );

class CanceledError extends Error {}
class SupersededError extends Error {}

/**
 * Two batches are under way while the next one is cut: the vectorstore reads one while it commits the other. Their order is
 * of no account, since each chunk is in one of them.
 */
async function writeChunks(context: IndexContext, run: IndexRun, signal: AbortSignal): Promise<number> {
  let chunks = 0;
  const mayGoOn = async () => {
    const standing = await lookAt(context.db, run);
    if (standing === 'canceled') throw new CanceledError();
    if (standing === 'superseded') throw new SupersededError();
    signal.throwIfAborted();
  };
  const write = async (batch: readonly ChunkInput[]) => {
    await mayGoOn();
    await upsert(context, run, batch, signal);
    chunks += batch.length;
  };
  // A page that cannot be read must not keep a cancellation waiting.
  await mayGoOn();
  let [before, writing] = [Promise.resolve(), Promise.resolve()];
  try {
    for await (const batch of batchesOf(context, run)) {
      await before;
      before = writing;
      writing = write(batch);
      // Whoever waits for it next hears of it.
      writing.catch(() => {});
    }
  } finally {
    // Nothing of this run is under way when it ends, however it ends.
    await Promise.allSettled([before, writing]);
  }
  await before;
  await writing;
  return chunks;
}

/** The last one may be empty. */
async function* batchesOf({ db, store }: IndexContext, { documentId }: IndexRun): AsyncGenerator<ChunkInput[]> {
  let batch: ChunkInput[] = [];
  const { sections, places } = await openSections({ db, store }, documentId);
  for await (const page of readPageResults(store, places))
    for (const { start, end, text, heading } of sections.chunksOf(page)) {
      const id = `${documentId}:${page.page_number}:${start}`;
      batch.push({ id, page_number: page.page_number, start, end, text, heading });
      if (batch.length < chunksPerBatch) continue;
      yield batch;
      batch = [];
    }
  yield batch;
}

async function upsert(
  { db, vectors, metrics }: IndexContext,
  run: IndexRun,
  batch: readonly ChunkInput[],
  signal: AbortSignal,
): Promise<void> {
  if (batch.length === 0) return;
  await vectors.upsert(run, batch, signal);
  metrics.indexed.inc(batch.length);
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
