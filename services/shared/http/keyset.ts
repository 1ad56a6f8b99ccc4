/** Keyset pagination by UUIDv7: the cursor is the last id of the page before. */
import { id as uuid } from '../contract/common.ts';
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
