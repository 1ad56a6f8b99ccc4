/** Chunks of brains: written by one writer per brain, read by any replica, gone when they are deleted. */

import type { Chunk, Hit } from '../shared/contract/vectorstore.ts';
import type { Database } from '../shared/database.ts';
import type { DocumentStore } from '../shared/document-store.ts';
import type { Logger } from '../shared/log.ts';
import { ProblemError } from '../shared/problem.ts';
import { type Brain, type BrainTables, tablePrefix } from './brain-tables.ts';
import { keepUp, removeDocument, type Search, searchChunks, upsertChunks } from './chunk-table.ts';
import { createUpkeep, type UpkeepOptions } from './upkeep.ts';
import type { WriterLock } from './writer-lock.ts';

export interface VectorStore {
  /** One commit. @throws ProblemError `gone` when the brain or document was deleted, `unavailable` when writers queue */
  upsert(brain: Brain, documentId: string, dimensions: number, chunks: readonly Chunk[]): Promise<void>;
  /** A brain without chunks has no hits. */
  search(brain: Brain, search: Search): Promise<Hit[]>;
  /** Repeating is harmless. */
  deleteDocument(brain: Brain, documentId: string): Promise<void>;
  /** Repeating is harmless. */
  deleteBrain(brain: Brain): Promise<void>;
  /** Brings the indexes of brains that were worked on lately into the cache. @returns these brains */
  openRecent(): Promise<RecentBrain[]>;
  cacheBytes(): number;
  /** Tidies what a replica that ended may have left: brains with a job in the last day. */
  tidyRecent(): Promise<void>;
  close(): Promise<void>;
}

export interface RecentBrain extends Brain {
  /** Length of its vectors. */
  readonly dimensions: number;
}

export interface VectorStoreOptions {
  readonly db: Database;
  readonly documents: DocumentStore;
  readonly tables: BrainTables;
  readonly lock: WriterLock;
  readonly log: Logger;
  readonly upkeep?: Pick<UpkeepOptions, 'debounceMs' | 'debounceMsMax' | 'retentionMs'>;
}

/** Brains opened ahead: each takes tens of milliseconds of a start. */
const openedMax = 32;
/** A tidying run that finds a writer at work comes back later instead of waiting. */
const upkeepWaitMs = 1000;

export function createVectorStore({ db, documents, tables, lock, log, upkeep }: VectorStoreOptions): VectorStore {
  const schedule = createUpkeep({
    ...upkeep,
    log,
    work: (brain, what) =>
      lock.hold(
        brain.brainId,
        async () => (await tables.read(brain, (table) => keepUp(table, what))) ?? false,
        upkeepWaitMs,
      ),
  });

  return {
    upsert: async (brain, documentId, dimensions, chunks) => {
      const replaced = await lock.hold(brain.brainId, async () => {
        // Inside the lock: whoever deletes marks the row first and takes the lock after, so nothing comes back to life.
        await requirePresent(db, brain, documentId);
        return tables.write(brain, dimensions, (table) => upsertChunks(table, documentId, chunks));
      });
      schedule.wrote(brain, replaced > 0);
    },
    search: async (brain, search) => (await tables.read(brain, (table) => searchChunks(table, search))) ?? [],
    deleteDocument: async (brain, documentId) => {
      const found = await lock.hold(brain.brainId, () =>
        tables.read(brain, async (table) => {
          await removeDocument(table, documentId);
          return true;
        }),
      );
      if (found) schedule.wrote(brain, true);
    },
    deleteBrain: async (brain) => {
      await lock.hold(brain.brainId, async () => {
        schedule.forget(brain);
        tables.forget(brain);
        await documents.deletePrefix(tablePrefix(brain));
      });
    },
    tidyRecent: async () => {
      for (const brain of await recentBrains(db)) schedule.wrote(brain, true);
    },
    openRecent: async () => {
      const brains = (await recentBrains(db)).slice(0, openedMax);
      for (const brain of brains)
        await tables.read(brain, async (table) => {
          for (const { name } of await table.listIndices()) await table.prewarmIndex(name);
        });
      return brains;
    },
    cacheBytes: tables.cacheBytes,
    close: async () => {
      await schedule.close();
      tables.close();
    },
  };
}

async function requirePresent(db: Database, { tenantId, brainId }: Brain, documentId: string): Promise<void> {
  const row = await db
    .selectFrom('documents')
    .innerJoin('brains', 'brains.id', 'documents.brain_id')
    .select('documents.id')
    .where('documents.id', '=', documentId)
    .where('brains.id', '=', brainId)
    .where('brains.tenant_id', '=', tenantId)
    .where('documents.deleted_at', 'is', null)
    .where('brains.deleted_at', 'is', null)
    .executeTakeFirst();
  if (!row) throw new ProblemError('gone', `Document ${documentId} is not, or no longer, in brain ${brainId}.`);
}

/** A replica that ends leaves its schedule behind; whatever it wrote was part of a job. */
const recentMs = 24 * 60 * 60_000;

/** Those of the newest jobs first. */
async function recentBrains(db: Database): Promise<RecentBrain[]> {
  const rows = await db
    .selectFrom('jobs')
    .innerJoin('brains', 'brains.id', 'jobs.brain_id')
    .select(['brains.id', 'brains.tenant_id', 'brains.embedding_dimensions'])
    .where('jobs.moved_at', '>', new Date(Date.now() - recentMs))
    .where('brains.deleted_at', 'is', null)
    .groupBy('brains.id')
    .orderBy(({ fn }) => fn.max('jobs.moved_at'), 'desc')
    .execute();
  return rows.map((row) => ({ tenantId: row.tenant_id, brainId: row.id, dimensions: row.embedding_dimensions }));
}
