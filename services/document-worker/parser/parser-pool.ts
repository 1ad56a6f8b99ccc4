/** Up to four parser children. A page that hangs, crashes or is corrupt fails alone. */
import { extname, join } from 'node:path';
import { type BulkheadPolicy, bulkhead } from 'cockatiel';
import type { PageError } from '../../shared/contract/page.ts';
import { memoryBudget } from '../../shared/figures/process-usage.ts';
import type { Logger } from '../../shared/log.ts';
import type { PackedPage } from '../../shared/storage/page-results.ts';
import { type Isolation, isolate } from './isolation.ts';
import { ChildLostError, type ChildOptions, type Given, ParserChild } from './parser-child.ts';
import type { ChildRequest, ConvertRequest, DocumentFile } from './protocol.ts';
import { failedPage, type PdfPart, type RefusedError } from './reader.ts';
import { packPage } from './serve-reads.ts';

export interface PoolOptions {
  readonly log: Logger;
  /** Children at work at once; who asks for more waits. */
  readonly children: number;
  readonly pageTimeoutMs: number;
  /** Documents lie here, and nothing else. */
  readonly folder: string;
  /** @default the parser of this service */
  readonly childModule?: string;
  /** `required`: refuses to start where a child could reach a network. @default 'preferred' */
  readonly isolation?: string;
  /** Folder of the programs that isolate. @default where the system looks */
  readonly tools?: string;
  /** Of one child. @default {@link parserMemoryMiB} of this container */
  readonly memoryMaxMiB?: number;
}

/**
 * What one parser may have: its part of half a container, the worker itself and `/tmp` have the other half. Manuals of
 * 5,000 pages need less than 256 MiB, and no page is worth more than 512.
 *
 * @param budgetBytes 0: the container has no limit
 */
export function parserMemoryMiB(budgetBytes: number, children: number): number {
  const most = 512;
  if (budgetBytes === 0) return most;
  return Math.min(most, Math.max(256, Math.floor(budgetBytes / 2 / children / 2 ** 20)));
}

/** Requests after which a child is replaced: whatever a parser leaks then ends. */
const requestsMax = 100;
/** Resident memory above which an idle child is replaced. A fresh one has 90 MiB. */
const rssRecycleMiB = 192;
/**
 * What is read between two checkpoints, beside the pages of a grant: results as JSON, packed to a fraction of it, of which
 * four children's stand in memory at once; and time, so that little is read again after a kill. It ends with a page.
 */
const checkpointMax = { bytesMax: 4 * 1024 * 1024, msMax: 5000 };
/** A document that loses this many children before its first page is at fault itself. */
const openAttemptsMax = 2;
const startAttemptsMax = 3;

export class ParserPool {
  readonly #options: PoolOptions;
  readonly #child: ChildOptions;
  readonly #idle: ParserChild[] = [];
  readonly #busy = new Set<ParserChild>();
  /** Reads ask for no more than there are children; parts and answers of a provider's calls come beside them. */
  readonly #turns: BulkheadPolicy;
  readonly isolation: Isolation;
  /** Children lost or recycled since the start, for metrics. */
  readonly counts = { lost: 0, recycled: 0 };

  private constructor(options: PoolOptions & Pick<ChildOptions, 'memoryMaxMiB'>, isolation: Isolation) {
    this.#options = options;
    this.isolation = isolation;
    this.#turns = bulkhead(options.children, Number.POSITIVE_INFINITY);
    this.#child = {
      isolation,
      childModule: options.childModule ?? defaultChildModule,
      folder: options.folder,
      pageTimeoutMs: options.pageTimeoutMs,
      memoryMaxMiB: options.memoryMaxMiB,
    };
  }

  /** A pool with one warm child; the others start when they are needed. */
  static async start(options: PoolOptions): Promise<ParserPool> {
    const { childModule = defaultChildModule, folder, tools, children } = options;
    const { memoryMaxMiB = parserMemoryMiB(memoryBudget(), children) } = options;
    const isolation = await isolate({ childModule, folder, memoryMaxMiB, tools });
    const { holds, refused, network } = isolation;
    if (network === 'open' && options.isolation === 'required')
      throw new Error(
        `PARSER_ISOLATION is 'required', but a parser could reach the network here: ${refused.join(', ')}. Allow user namespaces, bring util-linux 2.40 or later, or set it to 'preferred'.`,
      );
    options.log[network === 'open' ? 'warn' : 'info']({ holds, refused, network }, 'parser isolation');
    const pool = new ParserPool({ ...options, memoryMaxMiB }, isolation);
    pool.#idle.push(await pool.#startChild());
    return pool;
  }

  get warm(): boolean {
    return this.#idle.length + this.#busy.size > 0;
  }

  /** Process ids of all children. */
  get pids(): number[] {
    return [...this.#idle, ...this.#busy].flatMap(({ pid }) => pid ?? []);
  }

  /** Type and pages. @throws RefusedError @throws ChildLostError when the document is too much for the parser */
  async probe(file: DocumentFile, signal?: AbortSignal): Promise<number> {
    for (let attempt = 1; ; attempt += 1)
      try {
        return await this.#withChild(
          { path: file.path, mediaType: file.mediaType, pages: [], ...checkpointMax },
          () => {},
          signal,
        );
      } catch (error) {
        if (!(error instanceof ChildLostError) || signal?.aborted || attempt >= openAttemptsMax) throw error;
      }
  }

  /**
   * Results of the first of these pages, in order: at least one, and as many as fit one checkpoint. What a child gives that
   * was not asked for is left out.
   *
   * @throws RefusedError when the document no longer opens
   */
  async read(
    file: DocumentFile,
    pages: readonly number[],
    { signal, images, tables }: { signal?: AbortSignal | undefined; images?: boolean; tables?: boolean } = {},
  ): Promise<PackedPage[]> {
    const request = { path: file.path, mediaType: file.mediaType, pages, images, tables, ...checkpointMax };
    for (let attempt = 1; ; attempt += 1) {
      const results: PackedPage[] = [];
      const lacking = new Set(pages);
      const keep = (given: Given) => {
        if (given.type === 'page' && lacking.delete(given.page.page_number)) results.push(given.page);
      };
      try {
        await this.#withChild(request, keep, signal);
        const leftOut = { code: 'crash', message: 'The parser left the page out.' } as const;
        return results.length > 0 ? results : [failed(pages[0] as number, leftOut)];
      } catch (error) {
        if (!(error instanceof ChildLostError) || signal?.aborted) throw error;
        const fault = { code: error.code, message: error.message };
        // It may end after the last page, too: then no page is at fault.
        if (error.opened) return [...results, ...[...lacking].slice(0, 1).map((page) => failed(page, fault))];
        if (attempt >= openAttemptsMax) return pages.map((page) => failed(page, fault));
      }
    }
  }

  /**
   * The first of these pages as a PDF of their own, as many as fit.
   *
   * @throws RefusedError @throws ChildLostError
   */
  async cut(file: DocumentFile, pages: readonly number[], bytesMax: number, signal: AbortSignal): Promise<PdfPart> {
    let part: PdfPart | undefined;
    const request = { path: file.path, mediaType: file.mediaType, cut: pages, bytesMax };
    const keep = (given: Given) => {
      if (given.type === 'part') part = given.part;
    };
    await this.#withChild(request, keep, signal);
    if (!part) throw new Error('a parser child gave no part');
    return part;
  }

  /** Page results of a provider's answer. @throws UnusableAnswerError @throws ChildLostError */
  async convert(request: ConvertRequest, signal: AbortSignal): Promise<PackedPage[]> {
    const results: PackedPage[] = [];
    await this.#withChild(request, (given) => given.type === 'page' && results.push(given.page), signal);
    return results;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((child) => child.kill()));
  }

  #withChild(request: ChildRequest, on: (given: Given) => void, signal?: AbortSignal): Promise<number> {
    return this.#turns.execute(async () => {
      signal?.throwIfAborted();
      const child = this.#takeIdle() ?? (await this.#startChild());
      this.#busy.add(child);
      const abort = () => void child.kill();
      signal?.addEventListener('abort', abort, { once: true });
      try {
        // While it started, nobody listened.
        signal?.throwIfAborted();
        return await child.ask(request, on);
      } finally {
        signal?.removeEventListener('abort', abort);
        this.#busy.delete(child);
        await this.#release(child);
      }
    });
  }

  #takeIdle(): ParserChild | undefined {
    for (let child = this.#idle.pop(); child; child = this.#idle.pop()) if (child.alive) return child;
  }

  async #startChild(): Promise<ParserChild> {
    for (let attempt = 1; ; attempt += 1)
      try {
        return await ParserChild.start(this.#child);
      } catch (error) {
        this.#options.log.error({ err: error as Error, attempt }, 'parser child did not start');
        if (attempt >= startAttemptsMax) throw new Error(`no parser child starts: ${(error as Error).message}`);
      }
  }

  async #release(child: ParserChild): Promise<void> {
    if (!child.alive) this.counts.lost += 1;
    else if (child.requests >= requestsMax || child.rssMiB > rssRecycleMiB) {
      this.counts.recycled += 1;
      await child.kill();
    } else this.#idle.push(child);
  }
}

export type { RefusedError };

const failed = (page: number, error: PageError) => packPage(failedPage(page, 'none', error));
/** Beside this file; in an image both are bundles and end with `.js`. */
const defaultChildModule = join(import.meta.dirname, `child${extname(import.meta.filename)}`);
