/** The document-worker's process: its worker, and an HTTP server for health and metrics only. */
import { Redis } from 'ioredis';
import { openDatabase } from '../shared/database.ts';
import { workStatementTimeoutMs } from '../shared/database-options.ts';
import { openDocumentStore } from '../shared/document-store.ts';
import { type App, createApp } from '../shared/http.ts';
import type { Logger } from '../shared/log.ts';
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
  const redis = openRedis(settings.REDIS_URL, log);
  const store = await openDocumentStore(settings.DOCUMENT_STORE_URL);
  const app = createApp({ log, notReady: async () => worker.notReady() });
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

/** Calls fail after a few seconds without Redis instead of piling up; the loop tries again. */
function openRedis(url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: 3,
    commandTimeout: 5000,
    retryStrategy: (attempt) => Math.min(2000, attempt * 100),
  });
  redis.on('error', (error) => log.warn({ err: error }, 'Redis connection'));
  return redis;
}
