/** A vectorstore replica in this process, with rows for its brains and documents. */

import { uuidv7 } from 'uuidv7';
import { type Chunk, vectorstorePaths } from '../../../services/shared/contract/vectorstore.ts';
import { type Database, openDatabase } from '../../../services/shared/database.ts';
import { openDocumentStore } from '../../../services/shared/document-store.ts';
import { lexicalHashing } from '../../../services/shared/lexical-hashing.ts';
import { signServiceCall } from '../../../services/shared/service-token.ts';
import { createVectorstoreApp } from '../../../services/vectorstore/app.ts';
import { openBrainTables } from '../../../services/vectorstore/brain-tables.ts';
import type { UpkeepOptions } from '../../../services/vectorstore/upkeep.ts';
import { createVectorStore } from '../../../services/vectorstore/vector-store.ts';
import { createWriterLock } from '../../../services/vectorstore/writer-lock.ts';
import type { TestServices } from '../../services.ts';

export const secret = 'a secret of at least thirty-two bytes';
export const dimensions = 64;

export interface TestBrain {
  readonly tenantId: string;
  readonly brainId: string;
  readonly documentId: string;
}

export async function startVectorstore(
  services: TestServices,
  upkeep?: Pick<UpkeepOptions, 'debounceMs' | 'retentionMs'>,
) {
  const { log } = services;
  const { db, pool, close } = openDatabase({ url: services.databaseUrl, connectionsMax: 5, log });
  const documents = await openDocumentStore(services.documentStoreUrl);
  const tables = openBrainTables(services.documentStoreUrl, 64);
  const store = createVectorStore({ db, documents, tables, lock: createWriterLock(pool), log, upkeep });
  const app = createVectorstoreApp({ store, serviceTokenSecret: secret, notReady: async () => null, log });
  return {
    db,
    pool,
    store,
    app,
    /** POSTs with a token for the brain. */
    post: async (path: string, brain: TestBrain, body: object = {}) => {
      const call = { from: 'chat', to: 'vectorstore', tenantId: brain.tenantId, brainId: brain.brainId } as const;
      const authorization = `Bearer ${await signServiceCall(secret, call)}`;
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
          embedding_model: 'lexical-hashing-v1',
          embedding_dimensions: dimensions,
        })
        .execute();
      return { tenantId, brainId, documentId: await newDocument(db, tenantId, brainId) };
    },
    newDocument: (brain: TestBrain) => newDocument(db, brain.tenantId, brain.brainId),
    close: async () => {
      await app.http.close();
      await store.close();
      await close();
    },
  };
}
export type TestVectorstore = Awaited<ReturnType<typeof startVectorstore>>;

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

export function chunksOf(documentId: string, texts: readonly string[]): Chunk[] {
  return texts.map((text, index) => ({
    id: `${documentId}:${index + 1}:0`,
    page_number: index + 1,
    start: 0,
    end: text.length,
    text,
    vector: lexicalHashing(text, dimensions),
  }));
}

export const upsertPath = (brain: TestBrain) => vectorstorePaths.upsert(brain.brainId, brain.documentId);
export const upsert = (store: TestVectorstore, brain: TestBrain, texts: readonly string[]) =>
  store.post(upsertPath(brain), brain, { dimensions, chunks: chunksOf(brain.documentId, texts) });
export const search = (store: TestVectorstore, brain: TestBrain, query: string, more: object = {}) =>
  store.post(vectorstorePaths.search(brain.brainId), brain, {
    query,
    vector: lexicalHashing(query, dimensions),
    limit: 10,
    ...more,
  });
