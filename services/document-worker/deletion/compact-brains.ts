/**
 * Vector tables are compacted some of them every hour, in turn. A vectorstore does so itself after its writes; this finds what
 * a replica left that ended before, and rows of documents that are gone.
 */
import type { Logger } from '../../shared/log.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Vectors } from '../index/vectors.ts';
import { goOn, placeOf, zeroId } from './sweep-place.ts';

export interface CompactContext {
  readonly db: Database;
  readonly vectors: Pick<Vectors, 'compact'>;
  readonly log: Logger;
}

/** Of one run: deletions wait behind it. */
const brainsMax = 500;
const runMsMax = 2 * 60_000;

/** @throws the last error when every brain failed: the vectorstore is away */
export async function compactBrains({ db, vectors, log }: CompactContext, nowMs = () => performance.now()) {
  const endMs = nowMs() + runMsMax;
  const result = { brains: 0, compacted: 0, documentsSwept: 0, failed: 0 };
  const rows = await db
    .selectFrom('brains')
    .select(['id', 'tenant_id'])
    .where('id', '>', (await placeOf(db, 'vectors')) || zeroId)
    .where('deleted_at', 'is', null)
    .orderBy('id')
    .limit(brainsMax)
    .execute();
  let lastError: unknown;
  let place = '';
  for (const { id, tenant_id } of rows) {
    if (nowMs() > endMs) break;
    place = id;
    result.brains += 1;
    try {
      const { documents_swept, compacted } = await vectors.compact({ tenantId: tenant_id, brainId: id });
      result.documentsSwept += documents_swept;
      if (compacted) result.compacted += 1;
      if (documents_swept > 0)
        log.warn({ brainId: id, documents: documents_swept }, 'vectors without a document removed');
    } catch (error) {
      // One brain that fails must not keep the others from their turn.
      log.warn({ err: error as Error, brainId: id }, 'brain not compacted, tried again in its next turn');
      result.failed += 1;
      lastError = error;
    }
  }
  // Behind the last one they begin anew.
  await goOn(db, 'vectors', result.brains === rows.length && rows.length < brainsMax ? '' : place);
  if (result.brains > 0 && result.failed === result.brains) throw lastError;
  return result;
}
