/** Page results of rows of `pages`, from the checkpoint objects that they name. */
import type { Selectable } from 'kysely';
import type { PageError, PageResult } from '../shared/contract/page.ts';
import type { DocumentStore } from '../shared/document-store.ts';
import { readPageResults } from '../shared/page-results.ts';
import type { Pages } from '../shared/tables.ts';

/** Objects read at once: bounds memory at a few grants of pages. */
const objectsAtOnce = 4;

/** Results in the order of `rows`. */
export async function readPages(store: DocumentStore, rows: readonly Selectable<Pages>[]): Promise<PageResult[]> {
  const keys = [...new Set(rows.map((row) => row.object_key))];
  const found = new Map<string, PageResult>();
  for (let start = 0; start < keys.length; start += objectsAtOnce) {
    const some = keys.slice(start, start + objectsAtOnce);
    const objects = await Promise.all(some.map((key) => readPageResults(store, key)));
    objects.forEach((pages, index) => {
      for (const page of pages) found.set(`${some[index]} ${page.page_number}`, page);
    });
  }
  return rows.map((row) => found.get(`${row.object_key} ${row.page_number}`) ?? failedPage(row));
}

/** A page whose grant left no result for it: its row says why. */
function failedPage(row: Selectable<Pages>): PageResult {
  return {
    page_number: row.page_number,
    text: '',
    lines: [],
    images: [],
    tables: { status: 'off', items: [] },
    metadata: { parser: 'none' },
    error: {
      code: (row.error_code ?? 'crash') as PageError['code'],
      message: row.error_message ?? 'The page has no result.',
    },
  };
}
