/** Keyset pagination by UUIDv7: the cursor is the last id of the page before. */
import { type SelectQueryBuilder, sql } from 'kysely';
import { id as uuid } from '../contract/common.ts';
import type { Tables } from '../postgres/tables.ts';
import { ProblemError } from './problem.ts';

/** @returns the id to start after. @throws ProblemError `bad-request` */
export function readCursor(cursor: string | undefined): string | null {
  if (!cursor) return null;
  const id = Buffer.from(cursor, 'base64url').toString();
  if (!uuid.safeParse(id).success)
    throw new ProblemError(
      'bad-request',
      `The cursor '${cursor}' is not valid: pass the next_cursor of the page before.`,
    );
  return id;
}

/** @param rows up to `limit + 1` of them: one more than fits tells that there is a next page */
export function cutPage<Row extends { id: string }>(rows: readonly Row[], limit: number) {
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { page, next_cursor: last ? cursorAfter(last.id) : null };
}

export const cursorAfter = (id: string) => Buffer.from(id).toString('base64url');

/**
 * @param rows what there is, neither ordered nor limited
 * @param idColumn where more than one table has an `id`
 * @throws ProblemError `bad-request` on a cursor that is none
 */
export async function newestFirst<Selected extends keyof Tables, Row extends { id: string }>(
  rows: SelectQueryBuilder<Tables, Selected, Row>,
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
  idColumn = 'id',
) {
  const before = readCursor(cursor);
  const id = sql.ref(idColumn);
  const found = await rows
    .$if(before !== null, (all) => all.where(sql<boolean>`${id} < ${before}`))
    .orderBy(id, 'desc')
    .limit(limit + 1)
    .execute();
  return cutPage(found as Row[], limit);
}
