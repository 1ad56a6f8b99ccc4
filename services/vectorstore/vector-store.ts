/** Chunks of brains: written by one writer per brain, read by any replica, gone when they are deleted. */

import type { Chunk, Hit } from '../shared/contract/vectorstore.ts';
import { ProblemError } from '../shared/http/problem.ts';
import type { Logger } from '../shared/log.ts';
import type { Database } from '../shared/postgres/database.ts';
import type { DocumentStore } from '../shared/storage/document-store.ts';
import { type CompactionOptions, createCompaction, retentionMsDefault } from './maintenance/compaction.ts';
import { purgeRemoved } from './maintenance/purge.ts';
import { sweepStale } from './maintenance/sweep.ts';
import { compact } from './maintenance/table-compaction.ts';
import { type Search, searchChunks } from './search/search.ts';
import { type Brain, type BrainTables, tablePrefix } from './tables/brain-tables.ts';
import {
  addVectors,
  documentsOf,
  type Given,
  type GivenVector,
  type ReadChunk,
  type Run,
  readChunks,
  removeDocument,
  superseded,
  upsertChunks,
} from './tables/chunk-table.ts';
import { currentEpochs } from './tables/current-epochs.ts';
import { createGroupCommit, type Write } from './tables/group-commit.ts';
import type { Embedding } from './tables/table-schema.ts';
import { LockLostError, type WriterLock } from './tables/writer-lock.ts';

export interface VectorStore {
  /**
   * One commit, with what waits beside it.
   *
   * @throws ProblemError `gone` when the brain or document was deleted, `conflict` when a newer run took over,
   * `unavailable` when writers queue or the lock was lost
   */
  upsert(brain: Brain, run: Run, embedding: Embedding | null, chunks: readonly Chunk[]): Promise<void>;
  /** Vectors for chunks that are there. One commit as well. @returns chunks that were found @throws as {@link VectorStore.upsert} */
  addVectors(brain: Brain, run: Run, embedding: Embedding, vectors: readonly GivenVector[]): Promise<number>;
  /** A brain without chunks has no hits. */
  search(brain: Brain, search: Search): Promise<Hit[]>;
  /** Chunks of this run and of those before. Repeating is harmless. @throws as {@link VectorStore.upsert}, but `gone` */
  deleteDocument(brain: Brain, run: Run): Promise<void>;
  /** What was deleted before leaves the store, old versions included. Repeating is harmless. */
  purge(brain: Brain): Promise<void>;
  /** What no schedule of a replica has done: stale rows, small files, old versions. Repeating is harmless. */
  compact(brain: Brain): Promise<{ documents_swept: number; compacted: boolean }>;
  /** Repeating is harmless. */
  deleteBrain(brain: Brain): Promise<void>;
  /** Ids of the documents that have chunks. */
  documents(brain: Brain): Promise<string[]>;
  /** Chunks of a document's pages from `first` to `last`. @param embedding whose vectors are looked for */
  read(
    brain: Brain,
    documentId: string,
    first: number,
    last: number,
    embedding: Embedding | null,
  ): Promise<ReadChunk[]>;
  /** Brings the indexes of brains that were worked on lately into the cache. @returns these brains */
  openRecent(): Promise<RecentBrain[]>;
  cacheBytes(): number;
  /** Tidies what a replica that ended, or wrote too late, may have left: brains with a job in the last day. */
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
  readonly compaction?: Pick<CompactionOptions, 'debounceMs' | 'debounceMsMax' | 'retentionMs'>;
}

interface Upsert extends Given<Chunk> {
  readonly embedding: Embedding | null;
}
interface Addition extends Given<GivenVector> {
  readonly embedding: Embedding;
}

/** Brains opened ahead: each takes tens of milliseconds of a start. */
const openedMax = 32;
/** A tidying run that finds a writer at work comes back later instead of waiting. */
const compactionWaitMs = 1000;

export function createVectorStore({ db, documents, tables, lock, log, compaction }: VectorStoreOptions): VectorStore {
  const schedule = createCompaction({
    ...compaction,
    log,
    work: (brain, what) =>
      lock.hold(
        brain.brainId,
        async () => (await tables.read(brain, (table) => compact(table, what))) ?? false,
        compactionWaitMs,
      ),
  });

  /**
   * A commit that came after its time: what it left beside a newer run, or of a document that is gone, is taken back.
   * Should that fail too, {@link VectorStore.tidyRecent} finds it.
   */
  const takeBack = async (brain: Brain, { documentId, epoch }: Run) => {
    const removed = await lock.hold(brain.brainId, async () => {
      const current = (await currentEpochs(db, brain, [documentId])).get(documentId);
      if (current !== undefined && current <= epoch) return false;
      return tables.read(brain, (table) => removeDocument(table, documentId, epoch).then(() => true));
    });
    if (removed) schedule.wrote(brain, true);
  };
  /** A write may stand although its caller is told that it does not. */
  const failed = async (brain: Brain, run: Run, error: unknown) => {
    if (!(error instanceof LockLostError || isConflict(error))) return;
    log.warn({ err: error, brainId: brain.brainId, ...run }, 'a write came after its time');
    await takeBack(brain, run).catch((err) => log.warn({ err, ...run }, 'a late write was not taken back yet'));
  };
  /** Inside the lock: whoever deletes marks the row first and takes the lock after, so nothing comes back to life. */
  const refusals = async (brain: Brain, writes: readonly Write[]) => {
    const current = await currentEpochs(db, brain, [...new Set(writes.map(({ run }) => run.documentId))]);
    return writes.map(({ run: { documentId, epoch } }) => {
      const newest = current.get(documentId);
      if (newest === undefined)
        return new ProblemError('gone', `Document ${documentId} is not, or no longer, in brain ${brain.brainId}.`);
      return newest > epoch ? superseded(documentId, epoch) : null;
    });
  };
  const grouped = {
    lock,
    log,
    refusals,
    failed: (brain: Brain, { run }: Write, error: unknown) => failed(brain, run, error),
  };
  const upserts = createGroupCommit<Upsert, boolean>({
    ...grouped,
    commit: async (brain, writes, held) => {
      const { embedding } = writes[0] as Upsert;
      const replaced = await tables.write(brain, embedding, (table) => {
        held.throwIfAborted();
        return upsertChunks(table, embedding, writes);
      });
      return writes.map(() => replaced > 0);
    },
  });
  const additions = createGroupCommit<Addition, number>({
    ...grouped,
    commit: async (brain, writes, held) => {
      const found = await tables.read(brain, (table) => {
        held.throwIfAborted();
        return addVectors(table, (writes[0] as Addition).embedding, writes);
      });
      return found ?? writes.map(() => 0);
    },
  });

  return {
    upsert: async (brain, run, embedding, rows) =>
      schedule.wrote(brain, await upserts(brain, { run, embedding, rows })),
    addVectors: async (brain, run, embedding, rows) => {
      const found = await additions(brain, { run, embedding, rows });
      // What Lance updates it writes anew, so the rows as they were are removed ones.
      schedule.wrote(brain, true);
      return found;
    },
    documents: async (brain) => (await tables.read(brain, documentsOf)) ?? [],
    read: async (brain, documentId, first, last, embedding) =>
      (await tables.read(brain, (table) => readChunks(table, documentId, first, last, embedding))) ?? [],
    search: async (brain, search) => (await tables.search(brain, (snapshot) => searchChunks(snapshot, search))) ?? [],
    deleteDocument: async (brain, run) => {
      let began = false;
      const remove = async (held: AbortSignal) => {
        const current = (await currentEpochs(db, brain, [run.documentId])).get(run.documentId);
        if (current !== undefined && current > run.epoch) throw superseded(run.documentId, run.epoch);
        held.throwIfAborted();
        began = true;
        return tables.read(brain, async (table) => {
          held.throwIfAborted();
          await removeDocument(table, run.documentId, run.epoch);
          return true;
        });
      };
      const found = await lock.hold(brain.brainId, remove).catch(async (error) => {
        if (began) await failed(brain, run, error);
        throw error;
      });
      if (found) schedule.wrote(brain, true);
    },
    purge: (brain) =>
      lock.hold(brain.brainId, async () => {
        await tables.read(brain, purgeRemoved);
        await documents.purgePrefix(tablePrefix(brain));
      }),
    compact: (brain) =>
      lock.hold(brain.brainId, async (held) => {
        const swept = (await tables.read(brain, (table) => sweepStale(db, brain, table))) ?? 0;
        held.throwIfAborted();
        const cleanupOlderThan = new Date(Date.now() - (compaction?.retentionMs ?? retentionMsDefault));
        const compacted = await tables.read(brain, async (table) => {
          const cleanup =
            (await table.listVersions()).filter(({ timestamp }) => timestamp < cleanupOlderThan).length > 1;
          return compact(table, { purge: swept > 0, cleanup, cleanupOlderThan });
        });
        return { documents_swept: swept, compacted: compacted ?? false };
      }),
    deleteBrain: async (brain) => {
      await lock.hold(brain.brainId, async () => {
        schedule.forget(brain);
        tables.forget(brain);
        await documents.deletePrefix(tablePrefix(brain));
      });
    },
    tidyRecent: async () => {
      for (const brain of await deletedBrains(db)) await documents.deletePrefix(tablePrefix(brain));
      for (const brain of await recentBrains(db)) {
        await lock
          .hold(brain.brainId, async (held) => {
            const swept = await tables.read(brain, (table) => sweepStale(db, brain, table));
            held.throwIfAborted();
            if (swept) log.warn({ brainId: brain.brainId, documents: swept }, 'rows of late writes removed');
          })
          .catch((err) => log.warn({ err, brainId: brain.brainId }, 'late writes not looked for, tried again later'));
        schedule.wrote(brain, true);
      }
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

const isConflict = (error: unknown) => error instanceof ProblemError && error.code === 'conflict';

/** A replica that ends leaves its schedule behind; whatever it wrote was part of a job. */
const recentMs = 24 * 60 * 60_000;

/** A write that was frozen while its brain was deleted may have left files there. */
async function deletedBrains(db: Database): Promise<Brain[]> {
  const rows = await db
    .selectFrom('brains')
    .select(['id', 'tenant_id'])
    .where('deleted_at', '>', new Date(Date.now() - recentMs))
    .execute();
  return rows.map((row) => ({ tenantId: row.tenant_id, brainId: row.id }));
}

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
