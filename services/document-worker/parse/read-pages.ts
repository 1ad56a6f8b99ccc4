/** How pages of a lease become results: by the children of this worker, or by a provider's parser. */
import type { Lease } from '../../shared/contract/grant.ts';
import type { ParserName } from '../../shared/contract/people.ts';
import type { Work } from '../../shared/jobs/leased-jobs.ts';
import { builtInParser } from '../../shared/parsers.ts';
import type { PackedPage } from '../../shared/storage/page-results.ts';
import type { ParserPool } from '../parser/parser-pool.ts';
import type { DocumentFile } from '../parser/protocol.ts';

export interface ReadPages {
  readonly lease: Lease;
  readonly work: Work;
  readonly file: DocumentFile;
  /** Not read yet, ascending, at least one. */
  readonly pages: readonly number[];
  readonly signal: AbortSignal;
}

export interface PagesRead {
  /** Results of some of the pages, also of pages that failed for good. */
  readonly results: readonly PackedPage[];
  /** Whether the lease goes on with the rest; else the rest is scheduled again. */
  readonly goesOn: boolean;
  /** Until then the rest is not asked for again. @default at once */
  readonly againInMs?: number;
}

/** One way of reading pages. */
export interface ParserBackend {
  readonly name: ParserName;
  /** @throws what a later lease may survive; RefusedError, ChildLostError, ProblemError: the document's own fault */
  read(request: ReadPages): Promise<PagesRead>;
}

export const builtInBackend = (pool: ParserPool): ParserBackend => ({
  name: builtInParser,
  read: async ({ work, file, pages, signal }) => {
    const { extractImages: images, extractTables: tables } = work;
    return { results: await pool.read(file, pages, { signal, images, tables }), goesOn: true };
  },
});
