/** A vectorstore replica in this process, with rows for its brains and documents. */

import { fileURLToPath } from 'node:url';
import { connect, type Table } from '@lancedb/lancedb';
import { uuidv7 } from 'uuidv7';
import { type ChunkInput, vectorstorePaths } from '../../../services/shared/contract/vectorstore.ts';
import { type Database, openDatabase } from '../../../services/shared/postgres/database.ts';
import { openDocumentStore } from '../../../services/shared/storage/document-store.ts';
import { createVectorstoreApp } from '../../../services/vectorstore/app.ts';
import type { CompactionOptions } from '../../../services/vectorstore/maintenance/compaction.ts';
import { type BrainTables, openBrainTables } from '../../../services/vectorstore/tables/brain-tables.ts';
import { createWriterLock } from '../../../services/vectorstore/tables/writer-lock.ts';
import { createVectorStore } from '../../../services/vectorstore/vector-store.ts';
import { stubVector } from '../../support/embedding/stub-vectors.ts';
import { signerOf, verifier } from '../../support/service-keys.ts';
import type { TestServices } from '../../support/stores.ts';

export const dimensions = 64;

export interface TestBrain {
  readonly tenantId: string;
  readonly brainId: string;
  readonly documentId: string;
}

export async function startVectorstore(
  services: TestServices,
  compaction?: Pick<CompactionOptions, 'debounceMs' | 'retentionMs'>,
  /** Passed by every commit to a table, after all checks. */
  beforeCommit?: () => Promise<void>,
  cacheMiB = 64,
) {
  const { log } = services;
  // Rows are made as the owner; what runs, runs as its own role.
  const { db, close } = openDatabase({ url: services.databaseUrl, connectionsMax: 2, log });
  const own = openDatabase({ url: services.databaseUrlOf('vectorstore'), connectionsMax: 5, log });
  const { pool } = own;
  const documents = await openDocumentStore(services.documentStoreUrl);
  const opened = openBrainTables(services.documentStoreUrl, cacheMiB);
  const tables = beforeCommit ? slowed(opened, beforeCommit) : opened;
  const store = createVectorStore({ db: own.db, documents, tables, lock: createWriterLock(pool), log, compaction });
  const app = createVectorstoreApp({ store, verify: await verifier(), notReady: async () => null, log });
  return {
    db,
    pool,
    store,
    app,
    /** POSTs with a token for the brain, as the tier that does this. */
    post: async (path: string, brain: TestBrain, body: object = {}) => {
      const authorization = `Bearer ${await tokenFor(path, brain)}`;
      const answer = await app.http.inject({ method: 'POST', url: path, headers: { authorization }, payload: body });
      return { status: answer.statusCode, body: answer.json(), headers: answer.headers };
    },
    newBrain: async (tenantId = uuidv7()): Promise<TestBrain> => {
      const brainId = uuidv7();
      await db
        .insertInto('tenants')
        .values({ id: tenantId, name: 'Tenant', slug: tenantId })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      await db
        .insertInto('brains')
        .values({
          id: brainId,
          tenant_id: tenantId,
          name: 'Brain',
          embedding_model: 'stub',
          embedding_dimensions: dimensions,
        })
        .execute();
      return { tenantId, brainId, documentId: await newDocument(db, tenantId, brainId) };
    },
    newDocument: (brain: TestBrain) => newDocument(db, brain.tenantId, brain.brainId),
    close: async () => {
      await app.http.close();
      await store.close();
      await own.close();
      await close();
    },
  };
}
/** A process that is frozen, or an object store that is slow, in the middle of a write. */
function slowed(tables: BrainTables, beforeCommit: () => Promise<void>): BrainTables {
  const slow = (table: Table): Table =>
    new Proxy(table, {
      get: (target, name) => {
        const member = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        if (name !== 'mergeInsert' && name !== 'delete') return member.bind(target);
        return name === 'delete'
          ? (where: string) => beforeCommit().then(() => target.delete(where))
          : (on: string) => {
              const builder = target.mergeInsert(on).whenMatchedUpdateAll(updateOlder).whenNotMatchedInsertAll();
              const late = {
                whenMatchedUpdateAll: () => late,
                whenNotMatchedInsertAll: () => late,
                execute: (...given: Parameters<typeof builder.execute>) =>
                  beforeCommit().then(() => builder.execute(...given)),
              };
              return late;
            };
      },
    });
  return {
    ...tables,
    read: (brain, use) => tables.read(brain, (table) => use(slow(table))),
    write: (brain, embedding, use) => tables.write(brain, embedding, (table) => use(slow(table))),
  };
}
const updateOlder = { where: 'target.epoch is null or target.epoch <= source.epoch' };

/** What stands in the brain's table, read past the vectorstore: `text @ epoch`. */
export async function storedRows({ documentStoreUrl }: TestServices, brain: TestBrain): Promise<string[]> {
  const folder = fileURLToPath(documentStoreUrl);
  const connection = await connect(`${folder}/tenants/${brain.tenantId}/brains/${brain.brainId}/`);
  try {
    const table = await connection.openTable('chunks');
    const rows = await table.query().where(`document_id = '${brain.documentId}'`).toArray();
    return rows.map(({ text, epoch }) => `${text} @ ${epoch}`).toSorted();
  } finally {
    connection.close();
  }
}

export type TestVectorstore = Awaited<ReturnType<typeof startVectorstore>>;

const verbs = [
  ['/search', 'search'],
  ['/documents', 'read'],
  ['/read', 'read'],
  ['/delete', 'delete'],
  ['/purge', 'delete'],
] as const;

/** A token of the tier that makes such calls. */
export async function tokenFor(path: string, { tenantId, brainId }: Omit<TestBrain, 'documentId'>): Promise<string> {
  const verb = verbs.find(([ending]) => path.endsWith(ending))?.[1] ?? 'write';
  const sign = await signerOf(verb === 'search' ? 'chat' : 'document-worker');
  return sign({ to: 'vectorstore', verb, tenantId, brainId });
}

async function newDocument(db: Database, tenantId: string, brainId: string): Promise<string> {
  const id = uuidv7();
  await db
    .insertInto('documents')
    .values({
      id,
      tenant_id: tenantId,
      brain_id: brainId,
      name: 'document.pdf',
      media_type: 'application/pdf',
      size_bytes: 1,
      sha256: Buffer.from(id),
      object_key: 'unused',
    })
    .execute();
  return id;
}

export function chunksOf(documentId: string, texts: readonly string[]): ChunkInput[] {
  return texts.map((text, index) => ({
    id: `${documentId}:${index + 1}:0`,
    page_number: index + 1,
    start: 0,
    end: text.length,
    text,
    vector: stubVector(text, dimensions),
  }));
}

export const upsertPath = (brain: TestBrain) => vectorstorePaths.upsert(brain.brainId, brain.documentId);
export const upsert = (store: TestVectorstore, brain: TestBrain, texts: readonly string[], epoch = 0) =>
  store.post(upsertPath(brain), brain, { epoch, dimensions, chunks: chunksOf(brain.documentId, texts) });
export const remove = (store: TestVectorstore, brain: TestBrain, epoch = 0) =>
  store.post(vectorstorePaths.deleteDocument(brain.brainId, brain.documentId), brain, { epoch });
export const search = (store: TestVectorstore, brain: TestBrain, query: string, more: object = {}) =>
  store.post(vectorstorePaths.search(brain.brainId), brain, {
    query,
    vector: stubVector(query, dimensions),
    limit: 10,
    ...more,
  });
