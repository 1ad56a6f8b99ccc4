/** A document-worker on real parts, and documents put in front of it as the api puts them. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type pg from 'pg';
import { uuidv7 } from 'uuidv7';
import { createDocumentWorker, type DocumentWorker } from '../../../services/document-worker/app.ts';
import { openVectors, type Vectors } from '../../../services/document-worker/index/vectors.ts';
import type { WorkerOptions } from '../../../services/document-worker/worker.ts';
import type { PageError, PageResult } from '../../../services/shared/contract/page.ts';
import { type Hit, searchAnswer, vectorstorePaths } from '../../../services/shared/contract/vectorstore.ts';
import { readSettings } from '../../../services/shared/env.ts';
import type { SavedPage } from '../../../services/shared/jobs/leased-jobs.ts';
import { builtInEmbedding } from '../../../services/shared/models/embedding.ts';
import { type Database, openDatabase } from '../../../services/shared/postgres/database.ts';
import type { Jobs } from '../../../services/shared/postgres/tables.ts';
import { type DocumentStore, openDocumentStore } from '../../../services/shared/storage/document-store.ts';
import { originalKey } from '../../../services/shared/storage/object-keys.ts';
import { readPageResults } from '../../../services/shared/storage/page-results.ts';
import { createVectorstoreApp } from '../../../services/vectorstore/app.ts';
import { openBrainTables } from '../../../services/vectorstore/tables/brain-tables.ts';
import { createWriterLock } from '../../../services/vectorstore/tables/writer-lock.ts';
import { createVectorStore } from '../../../services/vectorstore/vector-store.ts';
import { privateKeyOf, signerOf, verifier } from '../../support/service-keys.ts';
import { startServices, type TestServices } from '../../support/stores.ts';

export interface Place {
  readonly tenantId: string;
  readonly brainId: string;
}

export interface Bench {
  readonly services: TestServices;
  readonly db: Database;
  readonly pool: pg.Pool;
  readonly store: DocumentStore;
  /** The vectorstore as the worker calls it. */
  readonly vectors: Vectors;
  readonly tenantId: string;
  readonly brainId: string;
  /** Environment of a worker process on these parts. */
  readonly env: Readonly<Record<string, string>>;
  startWorker(options?: Pick<WorkerOptions, 'childModule'>, env?: Record<string, string>): Promise<DocumentWorker>;
  /** Stores a document and its job, and tells the workers; answers the job's id. @param place default: the one above */
  submit(
    body: Uint8Array,
    mediaType?: string,
    place?: Place,
    wanted?: { extract_images?: boolean; extract_tables?: boolean },
  ): Promise<{ jobId: string; documentId: string }>;
  /** Another tenant with a brain. */
  newPlace(): Promise<Place>;
  job(id: string): Promise<Selectable<Jobs>>;
  /** However long it takes, while it moves. @param stillMs longest time without a movement; default a minute */
  until(id: string, holds: (job: Selectable<Jobs>) => boolean, stillMs?: number): Promise<Selectable<Jobs>>;
  pages(documentId: string): Promise<PageResult[]>;
  /** What the api says when a job changed. */
  notify(jobId: string): Promise<void>;
  /** A deletion as the api orders it; answers its job. */
  order(kind: 'delete_document' | 'delete_brain', documentId: string | null): Promise<string>;
  /** In the whole brain, or in one document. */
  search(query: string, documentId?: string): Promise<Hit[]>;
  close(): Promise<void>;
}

/** What a checkpoint records of a page; nothing stands where it says. */
export const savedPage = (page_number: number, error: PageError | null = null): SavedPage => ({
  page_number,
  error,
  withoutText: false,
  offset: 0,
  bytes: 1,
  resultBytes: 1,
});

/** The real one, on the same parts. */
async function startVectorstore({ databaseUrlOf, documentStoreUrl, log }: TestServices) {
  const { db, pool, close } = openDatabase({ url: databaseUrlOf('vectorstore'), connectionsMax: 5, log });
  const store = createVectorStore({
    db,
    documents: await openDocumentStore(documentStoreUrl),
    tables: openBrainTables(documentStoreUrl, 64),
    lock: createWriterLock(pool),
    log,
  });
  const { http } = createVectorstoreApp({ store, log, verify: await verifier(), notReady: async () => null });
  const url = await http.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    close: async () => {
      await http.close();
      await store.close();
      await close();
    },
  };
}

export async function openBench(settings: Record<string, string> = {}): Promise<Bench> {
  const services = await startServices();
  const { db, pool, close } = openDatabase({ url: services.databaseUrl, connectionsMax: 5, log: services.log });
  const store = await openDocumentStore(services.documentStoreUrl);
  const newPlace = async (): Promise<Place> => {
    const [tenantId, brainId] = [uuidv7(), uuidv7()];
    await db.insertInto('tenants').values({ id: tenantId, name: 'T', slug: tenantId }).execute();
    await db
      .insertInto('brains')
      .values({
        id: brainId,
        tenant_id: tenantId,
        name: 'B',
        embedding_model: builtInEmbedding.model,
        embedding_dimensions: builtInEmbedding.dimensions,
      })
      .execute();
    return { tenantId, brainId };
  };
  const { tenantId, brainId } = await newPlace();
  const vectorstore = await startVectorstore(services);
  const vectors = openVectors(vectorstore.url, await signerOf('document-worker'));
  const env = {
    PORT: '0',
    DATABASE_URL: services.databaseUrlOf('document-worker'),
    REDIS_URL: services.redisUrl,
    DOCUMENT_STORE_URL: services.documentStoreUrl,
    VECTORSTORE_URL: vectorstore.url,
    SERVICE_TOKEN_PRIVATE_KEY: privateKeyOf('document-worker'),
    LOG_LEVEL: 'warn',
    ...settings,
  };
  const job = (id: string) => db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const notify = async (jobId: string) => {
    await sql`select pg_notify('jobs', ${jobId})`.execute(db);
  };
  let workers = 0;
  return {
    services,
    notify,
    db,
    pool,
    store,
    vectors,
    tenantId,
    brainId,
    env,
    startWorker: (options = {}, more = {}) =>
      createDocumentWorker(readSettings('document-worker', { ...env, ...more }), services.log, {
        // A worker takes the folders of its own process over, so two in one process need a base each.
        filesFolder: join(services.folder, `files-${++workers}`),
        onFatal: () => {
          throw new Error('the worker cannot start, see TEST_LOG=info');
        },
        ...options,
      }),
    newPlace,
    submit: async (body, mediaType = 'application/pdf', place = { tenantId, brainId }, wanted = {}) => {
      const [documentId, jobId] = [uuidv7(), uuidv7()];
      const key = originalKey(place.tenantId, documentId);
      await store.put(key, Readable.from([body]));
      await db
        .insertInto('documents')
        .values({
          id: documentId,
          tenant_id: place.tenantId,
          brain_id: place.brainId,
          name: 'document',
          media_type: mediaType,
          size_bytes: body.length,
          sha256: createHash('sha256').update(body).update(documentId).digest(),
          object_key: key,
          ...wanted,
        })
        .execute();
      await db
        .insertInto('jobs')
        .values({
          id: jobId,
          tenant_id: place.tenantId,
          brain_id: place.brainId,
          document_id: documentId,
          kind: 'ingest',
          status: 'queued',
        })
        .execute();
      await notify(jobId);
      return { jobId, documentId };
    },
    job,
    until: async (id, holds, stillMs = 60_000) => {
      let moved = { at: 0, sinceMs: Date.now() };
      for (;;) {
        const state = await job(id);
        if (holds(state)) return state;
        const at = state.moved_at.getTime();
        if (at !== moved.at) moved = { at, sinceMs: Date.now() };
        if (Date.now() - moved.sinceMs > stillMs) throw new Error(`the job is still ${JSON.stringify(state)}`);
        await sleep(50);
      }
    },
    pages: async (documentId) => {
      const rows = await db
        .selectFrom('pages')
        .selectAll()
        .where('document_id', '=', documentId)
        .orderBy('page_number')
        .execute();
      const results: PageResult[] = [];
      for await (const page of readPageResults(store, rows)) results.push(page);
      return results;
    },
    order: async (kind, documentId) => {
      const jobId = uuidv7();
      await db
        .insertInto('jobs')
        .values({ id: jobId, tenant_id: tenantId, brain_id: brainId, document_id: documentId, kind, status: 'queued' })
        .execute();
      await sql`select graphile_worker.add_job(${kind}, json_build_object('jobId', ${jobId}::text))`.execute(db);
      return jobId;
    },
    search: async (query, documentId) => {
      const token = await (await signerOf('chat'))({ to: 'vectorstore', verb: 'search', tenantId, brainId });
      const answer = await fetch(new URL(vectorstorePaths.search(brainId), vectorstore.url), {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query, limit: 5, ...(documentId && { document_ids: [documentId] }) }),
      });
      return searchAnswer.parse(await answer.json()).hits;
    },
    close: async () => {
      await vectorstore.close();
      await close();
      await services.close();
    },
  };
}
