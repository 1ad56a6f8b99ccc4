/** Page results of rows of `pages`, as the JSON in which the parser left them: nothing is parsed to be sent again. */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Selectable } from 'kysely';
import type { Identity } from '../../shared/auth/identity.ts';
import type { PageError, PageResult } from '../../shared/contract/page.ts';
import type { Concurrency } from '../../shared/http/concurrency.ts';
import type { Pages } from '../../shared/postgres/tables.ts';
import type { DocumentStore } from '../../shared/storage/document-store.ts';
import { readPageJsons } from '../../shared/storage/page-results.ts';
import { guarded } from './download.ts';

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

/** What a reader of a file takes at a time, so that a slow one is not taken for one who takes nothing. */
const pieceBytes = 64 * 1024;

/**
 * Answers with JSON that `read` made, in a place of `places` until its reader has taken it: it is held in memory, and a
 * reader who takes nothing ends as one of a file.
 */
export async function sendPages(
  reply: FastifyReply,
  { places, identity, stallMs }: { places: Concurrency; identity: Identity; stallMs: number },
  read: () => Promise<readonly Buffer[]>,
): Promise<FastifyReply> {
  const release = places.take(identity);
  try {
    const parts = await read();
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    reply.type('application/json; charset=utf-8').header('content-length', bytes);
    return reply.send(guarded(Readable.from(inPieces(parts)), reply, stallMs, release));
  } catch (error) {
    release();
    throw error;
  }
}

function* inPieces(parts: readonly Buffer[]): Generator<Buffer> {
  for (const part of parts)
    for (let at = 0; at < part.length; at += pieceBytes) yield part.subarray(at, at + pieceBytes);
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
