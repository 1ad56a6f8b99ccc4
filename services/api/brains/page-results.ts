/** Page results of rows of `pages`, as the JSON in which the parser left them: nothing is parsed to be sent again. */
import type { Selectable } from 'kysely';
import type { PageError, PageResult } from '../../shared/contract/page.ts';
import type { Pages } from '../../shared/postgres/tables.ts';
import type { DocumentStore } from '../../shared/storage/document-store.ts';
import { readPageJsons } from '../../shared/storage/page-results.ts';

/** Results of one list as JSON: a page of print has about 5 kB, so 200 fit; of the largest, three. */
const listBytesMax = 8 * 1024 * 1024;

/** As many rows from the front as one answer may hold, at least one. */
export function firstRows(rows: readonly Selectable<Pages>[], limit: number): readonly Selectable<Pages>[] {
  let bytes = 0;
  const end = rows.slice(0, limit).findIndex(({ result_bytes }, index) => {
    bytes += result_bytes ?? 0;
    return index > 0 && bytes > listBytesMax;
  });
  return rows.slice(0, end < 0 ? limit : end);
}

/** One JSON text per row, in their order. */
export async function readPages(store: DocumentStore, rows: readonly Selectable<Pages>[]): Promise<Buffer[]> {
  const found = new Map<number, Buffer>();
  for await (const { pageNumber, json } of readPageJsons(store, rows)) found.set(pageNumber, json);
  return rows.map((row) => found.get(row.page_number) ?? Buffer.from(JSON.stringify(failedPage(row))));
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
