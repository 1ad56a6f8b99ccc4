/**
 * Pages by a provider's parser: one lease is one request. What fails goes back to the scheduler, where it waits for its
 * turn and its tokens like everything else.
 */

import type { PageError } from '../../shared/contract/page.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import type { Logger } from '../../shared/log.ts';
import type { RemoteParserName } from '../../shared/parsers.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { ChildLostError } from '../parser/parser-child.ts';
import type { ParserPool } from '../parser/parser-pool.ts';
import { failedPage, type PdfPart } from '../parser/reader.ts';
import { UnusableAnswerError } from '../parser/remote/blocks.ts';
import { callParser, type RemoteOutcome } from '../parser/remote/remote-parser.ts';
import type { RemoteParserOptions } from '../parser/remote/requests.ts';
import { packPage } from '../parser/serve-reads.ts';
import { beginCall, type CallOutcome, readHistory } from './parser-calls.ts';
import type { PagesRead, ParserBackend, ReadPages } from './read-pages.ts';

export interface RemoteBackendOptions extends RemoteParserOptions {
  readonly db: Database;
  readonly pool: ParserPool;
  readonly metrics: Pick<WorkerMetrics, 'remoteCalls'>;
  readonly log: Logger;
  readonly pagesPerRequest: number;
  /** US dollars; null: unknown. */
  readonly usdPerPage: number | null;
  readonly requestBytesMax: number;
  /** The account is above its rate until then. */
  readonly throttled: (retryAfterMs: number) => Promise<void>;
}

/** Tries of a page after the first. */
const retriesMax = 3;
/** Before each of them; the last is within a lease's time, which holds the pages meanwhile. */
const retryDelaysMs = [1000, 5000, 20_000] as const;

export function remoteBackend(options: RemoteBackendOptions): ParserBackend & { readonly name: RemoteParserName } {
  const { name, db, pool, metrics, log, pagesPerRequest, usdPerPage } = options;
  const failAll = (pages: readonly number[], error: NonNullable<PageError>) =>
    pages.map((page) => packPage(failedPage(page, name, error)));

  const read = async ({ work, file, pages, lease, signal }: ReadPages): Promise<PagesRead> => {
    const history = await readHistory(db, { ...work, usdPerPage }, pages);
    const exhausted = pages.filter((page) => history.of(page).tries > retriesMax);
    if (exhausted.length > 0) {
      const message = `The parser was asked ${retriesMax + 1} times and gave no result.`;
      return { results: failAll(exhausted, { code: 'crash', message }), goesOn: true };
    }
    // Refused together, pages are sent in halves until the one at fault is alone.
    const { refusedWith } = history.of(pages[0] as number);
    const most = refusedWith > 1 ? Math.floor(refusedWith / 2) : pagesPerRequest;
    const part = await cut(options, file, pages.slice(0, most), signal);
    const lacking = part.failed.map(packPage);
    if (part.frames.length === 0) return { results: lacking, goesOn: true };

    const sent = part.frames.map(({ page_number }) => page_number);
    const repeated = sent.some(history.lost);
    const call = await beginCall(db, { ...work, usdPerPage }, { parser: name, pages: sent, repeated });
    const { extractImages: images, extractTables: tables } = work;
    const idempotencyKey = `${work.documentId}-${work.attempt}-${sent.join('.')}`.slice(0, 200);
    const stop = metrics.remoteCalls.startTimer();
    const ended = async (how: CallOutcome) => {
      stop({ outcome: how });
      if (how !== 'answered') log.info({ jobId: lease.jobId, pages: sent, outcome: how, repeated }, 'parser call');
      await call.end(how);
    };
    // It is billed all the same, also when the document is deleted meanwhile.
    const lost = async (error: unknown): Promise<never> => {
      await ended('lost');
      throw error;
    };
    const request = { pdf: part.pdf, idempotencyKey, images, tables };
    const outcome = await callParser(options, request, signal).catch(lost);

    if (outcome.is === 'answer') {
      const made = await convert(pool, { name, body: outcome.body, part, images, tables }, signal).catch(lost);
      if (made.results) {
        await ended('answered');
        return { results: [...lacking, ...made.results], goesOn: false };
      }
      await ended('failed');
      return again(made.message);
    }
    if (outcome.is === 'throttled') {
      await ended('throttled');
      await options.throttled(outcome.retryAfterMs);
      return { results: lacking, goesOn: false };
    }
    if (outcome.is === 'account') {
      await ended('throttled');
      throw new ProblemError(
        'parser-refused',
        `${outcome.message}. The owner of this installation checks PARSER_API_KEY; then read it again.`,
      );
    }
    if (outcome.is === 'content') {
      await ended('refused');
      const { code, message } = outcome;
      return { results: [...lacking, ...(sent.length === 1 ? failAll(sent, { code, message }) : [])], goesOn: false };
    }
    await ended(outcome.reached ? 'failed' : 'unreached');
    return again(outcome.message);

    function again(message: string): PagesRead {
      const gone = sent.filter((page) => history.of(page).tries >= retriesMax);
      const tries = Math.max(...sent.map((page) => history.of(page).tries));
      const code = isTimeout(outcome) ? 'timeout' : 'crash';
      const text = `The parser was asked ${retriesMax + 1} times. The last time: ${message}`;
      return {
        results: [...lacking, ...failAll(gone, { code, message: text })],
        goesOn: false,
        againInMs: retryDelaysMs[Math.min(tries, retriesMax - 1)] as number,
      };
    }
  };
  return { name, read };
}

const isTimeout = (outcome: RemoteOutcome) => outcome.is === 'failure' && outcome.message.startsWith('No answer');

/** Pages whose copying ends a child are copied in halves, until the one at fault is alone and fails. */
async function cut(
  { pool, requestBytesMax, name }: RemoteBackendOptions,
  file: ReadPages['file'],
  pages: readonly number[],
  signal: AbortSignal,
): Promise<PdfPart> {
  for (let some = pages; ; some = some.slice(0, Math.floor(some.length / 2)))
    try {
      return await pool.cut(file, some, requestBytesMax, signal);
    } catch (error) {
      if (!(error instanceof ChildLostError) || signal.aborted) throw error;
      if (!error.opened) throw error;
      if (some.length > 1) continue;
      const { code, message } = error;
      return { pdf: new Uint8Array(), frames: [], failed: [failedPage(some[0] as number, name, { code, message })] };
    }
}

async function convert(
  pool: ParserPool,
  {
    name,
    body,
    part,
    images,
    tables,
  }: {
    name: RemoteParserName;
    body: Uint8Array;
    part: PdfPart;
    images: boolean;
    tables: boolean;
  },
  signal: AbortSignal,
) {
  try {
    const request = { convert: name, answer: body, frames: part.frames, images, tables };
    return { results: await pool.convert(request, signal), message: '' };
  } catch (error) {
    if (signal.aborted || !(error instanceof UnusableAnswerError || error instanceof ChildLostError)) throw error;
    return { results: null, message: error.message };
  }
}
