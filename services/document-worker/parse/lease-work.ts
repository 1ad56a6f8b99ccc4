/** One lease from start to end: probe a document, or parse its pages and checkpoint them. */
import type { MediaType } from '../../shared/contract/brain.ts';
import { blamedMax, type Lease, lostMax } from '../../shared/contract/grant.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import type { LeaseDecision } from '../../shared/jobs/job-states.ts';
import { begin, endCanceled, endLeased, savePages, type Work } from '../../shared/jobs/leased-jobs.ts';
import { lostFile } from '../../shared/jobs/lost-file.ts';
import { type IngestPrice, isDearer, saveProbe } from '../../shared/jobs/save-probe.ts';
import { entryOf, recordEntries } from '../../shared/ledger/ledger.ts';
import type { Logger } from '../../shared/log.ts';
import { parserOf } from '../../shared/parsers.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { JobSchedule } from '../../shared/scheduler/parser-schedules.ts';
import { enqueueFromDatabase } from '../../shared/scheduler/reconcile.ts';
import type { RedisScheduler } from '../../shared/scheduler/redis-scheduler.ts';
import { type DocumentStore, NotInStoreError } from '../../shared/storage/document-store.ts';
import { documentPrefix, pagesKey } from '../../shared/storage/object-keys.ts';
import { type PackedPage, type WrittenPage, writePageResults } from '../../shared/storage/page-results.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { ChildLostError } from '../parser/parser-child.ts';
import type { ParserPool } from '../parser/parser-pool.ts';
import { failedPage, RefusedError } from '../parser/reader.ts';
import { packPage } from '../parser/serve-reads.ts';
import type { Later } from './later.ts';
import type { LocalFiles } from './local-files.ts';
import type { Remote } from './open-remote.ts';
import type { ParserBackend } from './read-pages.ts';

export interface LeaseContext {
  readonly db: Database;
  readonly store: DocumentStore;
  /** That gave the lease. */
  readonly schedule: RedisScheduler;
  /** All there are. */
  readonly scheduler: JobSchedule;
  readonly pool: ParserPool;
  /** Reads what {@link schedule} gives. */
  readonly backend: ParserBackend;
  /** Of the provider that the environment has; null: none. */
  readonly remote: Pick<Remote, 'name' | 'usdPerPage'> | null;
  readonly later: Later;
  readonly files: LocalFiles;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
  readonly pagesMax: number;
  /** What so many tokens cost at the embedding; null: unknown, 0: nothing is embedded or nobody sends a bill. */
  readonly embeddingUsd: (tokens: number) => number | null;
}

/** A full page of prose is about 500 words, and English about 4 letters a token; before it is read nobody knows better. */
const tokensPerPage = 650;
const bytesPerToken = 4;

/** Ends the lease in any case; throws only what a later lease may survive. */
export async function processLease(context: LeaseContext, lease: Lease, signal: AbortSignal): Promise<void> {
  const { db, scheduler, schedule } = context;
  const done: number[] = [];
  let againInMs = 0;
  try {
    const start = await begin(db, lease);
    if (start.decision !== 'work') return await stepAside(context, lease, start.decision);
    const { work } = start;
    refuseCulprit(lease);
    if (lease.kind === 'parse' && readerOf(context, work) !== context.backend.name) return await move(context, lease);
    if (lease.kind === 'parse' && !(await mayCost(context, lease, work))) return;
    done.push(...lease.pages.filter((page) => !work.pages.includes(page)));
    const file = await context.files.acquire(work, signal);
    try {
      const parserFile = { path: file.path, mediaType: work.mediaType as MediaType };
      if (lease.kind === 'probe') await probe(context, lease, work, parserFile, signal);
      else againInMs = await parse(context, lease, work, parserFile, done, signal);
    } finally {
      await file.release();
    }
  } catch (error) {
    const problem = asProblem(error);
    if (!problem || signal.aborted) throw error;
    const decision = await endLeased(db, lease, 'failed', problem);
    if (decision !== 'work') return await stepAside(context, lease, decision);
    await scheduler.remove(lease.jobId);
  } finally {
    // When Redis is away the lease runs out by itself.
    const complete = () =>
      schedule.complete(lease, done).catch((error: Error) => context.log.warn({ err: error }, 'lease not ended'));
    if (againInMs > 0 && !signal.aborted) context.later.run(againInMs, complete);
    else await complete();
  }
}

const readerOf = ({ remote }: LeaseContext, { tenantParser, mediaType }: Work) =>
  parserOf(remote?.name ?? null, tenantParser, mediaType);

/** The tenant's choice changed while it waited: it waits for its parser now. */
async function move({ db, schedule, scheduler }: LeaseContext, { jobId }: Lease): Promise<void> {
  await schedule.remove(jobId);
  await enqueueFromDatabase(db, scheduler, jobId);
}

type ParserFile = { path: string; mediaType: MediaType };

async function probe(context: LeaseContext, lease: Lease, work: Work, file: ParserFile, signal: AbortSignal) {
  const { db, scheduler, pool, pagesMax } = context;
  const pageCount = await pool.probe(file, signal);
  if (pageCount > pagesMax)
    throw new ProblemError(
      'too-many-pages',
      `The document has ${pageCount} pages, allowed are ${pagesMax}. Split it and upload the parts.`,
    );
  if (await mayRead(context, lease, pageCount, priceOf(context, work, pageCount)))
    await enqueueFromDatabase(db, scheduler, lease.jobId);
}

/** Its tenant's parser may be another than when it was probed, or the price: then it is told anew. */
async function mayCost(context: LeaseContext, lease: Lease, work: Work): Promise<boolean> {
  const { pagesTotal, priceUsd } = work;
  if (pagesTotal === null) return true;
  const price = priceOf(context, work, pagesTotal);
  return !isDearer(price, priceUsd) || mayRead(context, lease, pagesTotal, price);
}

/** False: nothing of it waits for a worker, until a person confirms it or another day comes, or for good. */
async function mayRead(context: LeaseContext, lease: Lease, pageCount: number, price: IngestPrice): Promise<boolean> {
  const decision = await saveProbe(context.db, lease, pageCount, price);
  if (decision === 'ask' || decision === 'pause') await context.scheduler.remove(lease.jobId);
  else if (decision !== 'work') await stepAside(context, lease, decision);
  return decision === 'work';
}

function priceOf(context: LeaseContext, work: Work, pages: number): IngestPrice {
  const { remote } = context;
  const perPage = remote && readerOf(context, work) === remote.name ? remote.usdPerPage : 0;
  const tokens = work.mediaType === 'application/pdf' ? pages * tokensPerPage : work.sizeBytes / bytesPerToken;
  return {
    readingUsd: perPage === null ? null : pages * perPage,
    embeddingUsd: context.embeddingUsd(Math.ceil(tokens)),
  };
}

/** @throws ProblemError when reading this document, or looking at it, ended too many workers */
function refuseCulprit({ kind, lost, blamed }: Lease): void {
  const times = kind === 'probe' ? lost : blamed;
  if (times < (kind === 'probe' ? lostMax : blamedMax)) return;
  throw new ProblemError('damaged', `Reading it ended the program that reads ${times} times, so it was given up.`);
}

const givenUp = (page: number, lost: number) => {
  const message = `Reading page ${page} ended the program that reads ${lost} times, so it was given up.`;
  return packPage(failedPage(page, 'none', { code: 'crash', message }));
};

/**
 * Reads and checkpoints until every page is recorded, or the rest is to be scheduled again; `done` grows with each
 * checkpoint. Answers for how long the rest must wait.
 */
async function parse(
  context: LeaseContext,
  lease: Lease,
  work: Work,
  file: ParserFile,
  done: number[],
  signal: AbortSignal,
): Promise<number> {
  const { backend, remote, metrics, log } = context;
  if (lease.lost >= lostMax && work.pages.length > 0) {
    await checkpoint(
      context,
      lease,
      work,
      work.pages.map((page) => givenUp(page, lease.lost)),
    );
    done.push(...work.pages);
    return 0;
  }
  // A provider computes on its own machines.
  const isOwn = backend.name !== remote?.name;
  for (let left = work.pages; left.length > 0; ) {
    const stop = metrics.grantSeconds.startTimer();
    const answer = await backend.read({ lease, work, file, pages: left, signal });
    const { results: pages, goesOn, againInMs = 0 } = answer;
    if (pages.length === 0) return againInMs;
    const seconds = stop();
    metrics.pageSeconds.observe(seconds / pages.length);
    metrics.reads.inc(pages.length);
    log.debug({ jobId: lease.jobId, pages: pages.map(({ page_number }) => page_number) }, 'pages read');
    signal.throwIfAborted();
    if (!(await checkpoint(context, lease, work, pages, isOwn ? seconds * 1000 : 0))) return 0;
    const read = new Set(pages.map(({ page_number }) => page_number));
    done.push(...read);
    left = left.filter((page) => !read.has(page));
    if (!goesOn) return againInMs;
  }
  return 0;
}

/** False: the lease is not the newest any more. */
async function checkpoint(
  context: LeaseContext,
  lease: Lease,
  work: Work,
  pages: readonly PackedPage[],
  computeMs = 0,
): Promise<boolean> {
  const { db, store, scheduler, metrics, log } = context;
  const numbers = pages.map(({ page_number }) => page_number);
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const key = pagesKey(work.tenantId, work.documentId, lease.epoch, first, last);
  const written = await writePageResults(store, key, pages);
  const saved = pages.map(({ packed, images: _images, ...page }, index) => {
    return { ...page, ...(written[index] as WrittenPage), bytes: packed.length };
  });
  const { decision, finished } = await savePages(db, lease, saved, key, computeMs);
  if (decision !== 'work') {
    metrics.pagesWasted.inc({ reason: decision }, pages.length);
    const part = [lease.epoch, `${first}-${last}`];
    const wasted = [
      entryOf('pages', work.documentId, part, 'wasted_pages', pages.length),
      entryOf('pages', work.documentId, [...part, 'wasted'], 'compute_ms', Math.round(computeMs)),
    ];
    // A tenant that is gone has no ledger either.
    await recordEntries(db, work, wasted).catch((err: Error) => log.warn({ err }, 'waste not recorded'));
    await stepAside(context, lease, decision);
    if (decision === 'forget') await removeIfDeleted(context, work);
    return false;
  }
  metrics.checkpointed.pages += pages.length;
  for (const { error } of pages) if (error) metrics.pageErrors.inc({ code: error.code });
  if (finished) await scheduler.remove(lease.jobId);
  return true;
}

async function stepAside({ db, scheduler, log }: LeaseContext, lease: Lease, decision: LeaseDecision): Promise<void> {
  log.info({ jobId: lease.jobId, epoch: lease.epoch, decision }, 'lease not worked on');
  if (decision === 'cancel') await endCanceled(db, lease.jobId);
  if (decision === 'cancel' || decision === 'forget') await scheduler.remove(lease.jobId);
}

/** The document was deleted while its pages were read: its folder must not come back. */
async function removeIfDeleted({ db, store }: LeaseContext, { documentId, tenantId }: Work): Promise<void> {
  const document = await db
    .selectFrom('documents')
    .select('deleted_at')
    .where('id', '=', documentId)
    .executeTakeFirst();
  if (!document || document.deleted_at) await store.deletePrefix(documentPrefix(tenantId, documentId));
}

/** The document's own fault, or null: ours, worth another try. */
function asProblem(error: unknown): ProblemError | null {
  if (error instanceof ProblemError) return error;
  if (error instanceof RefusedError) return new ProblemError(error.code, error.message);
  if (error instanceof NotInStoreError) return lostFile();
  if (error instanceof ChildLostError)
    return new ProblemError(
      error.code === 'timeout' ? 'took-too-long' : 'damaged',
      `The file cannot be opened. ${error.message}`,
    );
  return null;
}
