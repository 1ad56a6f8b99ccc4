/**
 * Rows that have no business in a table: of a document that is gone, or of a run before its newest one. A write that was
 * frozen past every check leaves them when its process ends before it can take them back.
 */
import type { Table } from '@lancedb/lancedb';
import type { Database } from '../../shared/postgres/database.ts';
import type { Brain } from '../tables/brain-tables.ts';
import { removeDocument } from '../tables/chunk-table.ts';
import { currentEpochs } from '../tables/current-epochs.ts';

/** Documents looked up in one statement. */
const documentsMax = 1000;

/** Under the writer's lock. @returns documents of which rows were removed */
export async function sweepStale(db: Database, brain: Brain, table: Table): Promise<number> {
  const oldest = await oldestEpochs(table);
  const ids = [...oldest.keys()];
  let swept = 0;
  for (let at = 0; at < ids.length; at += documentsMax) {
    const some = ids.slice(at, at + documentsMax);
    const current = await currentEpochs(db, brain, some);
    for (const id of some) {
      const epoch = current.get(id);
      if (epoch !== undefined && (oldest.get(id) as number) >= epoch) continue;
      await removeDocument(table, id, epoch === undefined ? Number.MAX_SAFE_INTEGER : epoch - 1);
      swept += 1;
    }
  }
  return swept;
}

/** The least epoch of each document's rows: two short columns, one batch in memory at a time. */
async function oldestEpochs(table: Table): Promise<Map<string, number>> {
  const oldest = new Map<string, number>();
  const hasEpoch = (await table.schema()).fields.some(({ name }) => name === 'epoch');
  for await (const batch of table.query().select(hasEpoch ? ['document_id', 'epoch'] : ['document_id'])) {
    const [ids, epochs] = [batch.getChild('document_id'), batch.getChild('epoch')];
    for (let row = 0; row < batch.numRows; row += 1) {
      const id = String(ids?.get(row));
      oldest.set(id, Math.min(oldest.get(id) ?? Number.POSITIVE_INFINITY, Number(epochs?.get(row) ?? 0)));
    }
  }
  return oldest;
}
