/** The document-worker's process: its worker, and an HTTP server for health and metrics only. */
import { sql } from 'kysely';
import { type App, createApp } from '../shared/http/http.ts';
import { checkVectorstore } from '../shared/http/vectorstore-check.ts';
import type { Logger } from '../shared/log.ts';
import { openDatabase } from '../shared/postgres/database.ts';
import { workStatementTimeoutMs } from '../shared/postgres/database-options.ts';
import { openRedis } from '../shared/redis.ts';
import { isReachable, openDocumentStore } from '../shared/storage/document-store.ts';
import { startWorker, type WorkerOptions, type WorkerSettings } from './worker.ts';

export interface DocumentWorker {
  readonly app: App;
  /** Drains within the limit and closes every connection and child. */
  close(limitMs: number): Promise<void>;
}

export async function createDocumentWorker(
  settings: WorkerSettings,
  log: Logger,
  options: Pick<WorkerOptions, 'childModule' | 'filesFolder' | 'onFatal'>,
): Promise<DocumentWorker> {
  const { db, pool, close } = openDatabase({
    url: settings.DATABASE_URL,
    connectionsMax: settings.DATABASE_CONNECTIONS_MAX,
    log,
    statementTimeoutMs: workStatementTimeoutMs,
  });
  const redis = openRedis(settings.REDIS_URL, 'work', log);
  const store = await openDocumentStore(settings.DOCUMENT_STORE_URL);
  const app = createApp({
    log,
    notReady: async () => worker.notReady(),
    details: () => worker.details(),
    dependencies: [
      { name: 'postgres', check: () => sql`select 1`.execute(db) },
      { name: 'redis', check: () => redis.ping() },
      { name: 'document-store', check: () => isReachable(store) },
      {
        name: 'vectorstore',
        check: () => checkVectorstore(settings.VECTORSTORE_URL),
        without: 'documents are read, not yet searchable',
      },
    ],
  });
  const worker = startWorker({ settings, db, pool, redis, store, log, metrics: app.metrics, ...options });
  return {
    app,
    close: async (limitMs) => {
      await worker.close(limitMs);
      redis.disconnect();
      await close();
    },
  };
}
