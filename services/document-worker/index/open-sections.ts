/** A document's pages, and the sections they are cut into: what is written to the vectors, and what verify expects there. */
import type { Database } from '../../shared/postgres/database.ts';
import type { DocumentStore } from '../../shared/storage/document-store.ts';
import { type PagePlace, readPageResults } from '../../shared/storage/page-results.ts';
import { type Layout, learnLayout, plainLayout } from './layout.ts';
import { createSections } from './sections.ts';

export interface OpenedDocument {
  readonly sections: ReturnType<typeof createSections>;
  readonly layout: Layout;
  /** Of the pages that were read, in order. */
  readonly places: readonly PagePlace[];
}

/** Pages that a layout is learned from: runs of neighbours, because headers of left and right pages differ. */
const runs = 4;
const pagesOfRun = 16;
/** A printed page has about 60. Those of 10,000 lines, 64 at once, would end a worker with a heap of 128 MiB. */
const linesMax = 500;

export async function openSections(
  { db, store }: { readonly db: Database; readonly store: DocumentStore },
  documentId: string,
): Promise<OpenedDocument> {
  const [document, places] = await Promise.all([
    db.selectFrom('documents').select(['name', 'media_type']).where('id', '=', documentId).executeTakeFirst(),
    db
      .selectFrom('pages')
      .select(['page_number', 'object_key', 'object_offset', 'object_bytes'])
      .where('document_id', '=', documentId)
      .where('error_code', 'is', null)
      .orderBy('page_number')
      .execute(),
  ]);
  const layout = document?.media_type === 'application/pdf' ? await layoutOf(store, places) : plainLayout;
  const title = (document?.name ?? '').replace(/\.[a-z0-9]{1,5}$/i, '');
  return { sections: createSections(title, layout, document?.media_type === 'text/markdown'), layout, places };
}

async function layoutOf(store: DocumentStore, places: readonly PagePlace[]): Promise<Layout> {
  const pages: Parameters<typeof learnLayout>[0][number][] = [];
  for await (const { page_number, text, lines, line_fonts } of readPageResults(store, sampled(places)))
    if (lines.length <= linesMax) pages.push({ page_number, text, lines, line_fonts });
  return pages.length > 0 ? learnLayout(pages) : plainLayout;
}

export function sampled<Place>(places: readonly Place[]): readonly Place[] {
  if (places.length <= runs * pagesOfRun) return places;
  return Array.from({ length: runs }, (_, run) => {
    const from = Math.floor((run * (places.length - pagesOfRun)) / (runs - 1));
    return places.slice(from, from + pagesOfRun);
  }).flat();
}
