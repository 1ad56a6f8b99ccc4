/** The worker: parser children, the grant loop, indexing, background jobs, and the watch over lost work. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import { uuidv7 } from 'uuidv7';
import { createSigner } from '../shared/auth/service-token.ts';
import type { SettingsOf } from '../shared/env.ts';
import { publishFigures } from '../shared/figures/publish-figures.ts';
import { UnavailableError } from '../shared/http/unavailable.ts';
import { reviveTasks } from '../shared/jobs/background-jobs.ts';
import { jobsChannel } from '../shared/jobs/job-store.ts';
import { resumePaused } from '../shared/jobs/paused-jobs.ts';
import { environmentUse } from '../shared/ledger/quota.ts';
import type { Logger } from '../shared/log.ts';
import { createEmbedder, embeddingAccount, searchedBy } from '../shared/models/embedding.ts';
import { type Database, schemaIsCurrent } from '../shared/postgres/database.ts';
import { listenTo } from '../shared/postgres/notifications.ts';
import { remembered } from '../shared/remembered.ts';
import { createCallMeter } from '../shared/scheduler/call-meter.ts';
import { GrantLoop } from '../shared/scheduler/grant-loop.ts';
import { ParserSchedules } from '../shared/scheduler/parser-schedules.ts';
import { cancelRequested, enqueueJob, Reconciler, rebuild } from '../shared/scheduler/reconcile.ts';
import { RedisScheduler } from '../shared/scheduler/redis-scheduler.ts';
import type { DocumentStore } from '../shared/storage/document-store.ts';
import { webhookRules } from '../shared/webhooks/addresses.ts';
import { startBackground, startWebhooks } from './background.ts';
import { EmbedLoop } from './embed/embed-loop.ts';
import { orderMissingVectors } from './embed/reindex.ts';
import { IndexLoop } from './index/index-loop.ts';
import { openVectors } from './index/vectors.ts';
import { createMetrics, pagesLeft, watchPool } from './metrics.ts';
import { Later } from './parse/later.ts';
import { processLease } from './parse/lease-work.ts';
import { LocalFiles } from './parse/local-files.ts';
import { openRemote } from './parse/open-remote.ts';
import { settleLostCalls } from './parse/parser-calls.ts';
import { builtInBackend, type ParserBackend } from './parse/read-pages.ts';
import { ParserPool } from './parser/parser-pool.ts';
import { reviveWebhooks } from './webhooks/turn.ts';

export type WorkerSettings = SettingsOf<'document-worker'>;

export interface WorkerOptions {
  readonly settings: WorkerSettings;
  readonly db: Database;
  readonly pool: Pool;
  readonly redis: Redis;
  readonly store: DocumentStore;
  readonly log: Logger;
  readonly metrics: Registry;
  /** The worker cannot start, and why is logged. */
  readonly onFatal: () => void;
  /** @default the parser of this service; tests put hostile ones here */
  readonly childModule?: string;
  /** Folder for documents being read. @default in the system's temporary folder */
  readonly filesFolder?: string;
}

export interface Worker {
  notReady(): Promise<string | null>;
  /** For the body of `/readyz`. */
  details(): object;
  /** Takes nothing new; what is under way may end within the limit, then its pages are given back. */
  close(limitMs: number): Promise<void>;
}

/** How often lost work is looked for. */
const reconcileMs = 15_000;
const schemaWaitMs = 500;
/** A day's sums are read once a minute, not with every sample. */
const useReadMs = 60_000;
/** A turn that broke off would pay again for what it had; without Redis nothing is paid that cannot be counted. */
const embedWait = { waitMsMax: 10 * 60_000, withoutRedis: 'fail' } as const;
/** Held for long: one with all locks, and two of graphile-worker's listeners. Three more for everything else. */
const connectionsMin = 6;
/** May a worker start where a parser could reach a network? */
const isolations = ['preferred', 'required'];
/** One child per slot of the contract. */
const childrenMax = 4;

export function startWorker(options: WorkerOptions): Worker {
  const { settings, db, pool, redis, store, log } = options;
  if (settings.DATABASE_CONNECTIONS_MAX < connectionsMin)
    throw new Error(
      `DATABASE_CONNECTIONS_MAX is ${settings.DATABASE_CONNECTIONS_MAX}, a document-worker needs at least ${connectionsMin}`,
    );
  if (!isolations.includes(settings.PARSER_ISOLATION))
    throw new Error(`PARSER_ISOLATION is '${settings.PARSER_ISOLATION}', allowed are ${isolations.join(' and ')}`);
  // Unique per process: what a restarted one holds is not suspected with what its forerunner held.
  const name = `${settings.REPLICA || hostname()}/${uuidv7()}`;
  const slots = Math.min(childrenMax, Math.max(1, settings.PARSER_CHILDREN));
  const remote = openRemote(settings, redis);
  const rules = webhookRules(settings);
  const schedule = new RedisScheduler(redis);
  const scheduler = new ParserSchedules(schedule, remote);
  const closing = new AbortController();
  const closers: ((limitMs: number) => Promise<void>)[] = [];
  const onClose = (closer: (limitMs: number) => Promise<void>) => closers.unshift(closer);
  let parser: ParserPool | undefined;

  /** A worker that starts while PostgreSQL is away waits for it. */
  const whenThere = async <Answer>(act: () => Promise<Answer>): Promise<Answer> => {
    for (;;)
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        log.warn({ err: error }, 'worker waits to start');
        await sleep(schemaWaitMs, undefined, { signal: closing.signal });
      }
  };
  const start = async () => {
    while (!(await whenThere(() => schemaIsCurrent(db))))
      await sleep(schemaWaitMs, undefined, { signal: closing.signal });
    const files = await LocalFiles.open(store, { base: options.filesFolder, bytesMax: settings.SCRATCH_BYTES_MAX });
    onClose(() => files.close());
    const children = await ParserPool.start({
      log,
      children: slots,
      pageTimeoutMs: settings.PAGE_TIMEOUT_MS,
      folder: files.folder,
      childModule: options.childModule,
      isolation: settings.PARSER_ISOLATION,
    });
    onClose(() => children.close());
    watchPool(options.metrics, children);
    const metrics = createMetrics(options.metrics, scheduler);
    const later = new Later();
    const sign = await createSigner('document-worker', settings.SERVICE_TOKEN_PRIVATE_KEY);
    const vectors = openVectors(settings.VECTORSTORE_URL, sign);
    const embedder = createEmbedder(settings, {
      sign,
      meter: createCallMeter(redis, embeddingAccount(settings), { ...embedWait, log }),
    });
    const context = {
      db,
      store,
      scheduler,
      remote,
      pool: children,
      files,
      metrics,
      log,
      later,
      pagesMax: settings.PAGES_MAX,
      embeddingUsd: (tokens: number) => (embedder ? embedder.costUsd(tokens) : 0),
    };
    const loopOf = (own: RedisScheduler, atOnce: number, backend: ParserBackend) =>
      new GrantLoop({
        scheduler: own,
        worker: name,
        slots: atOnce,
        log,
        work: (lease, signal) => processLease({ ...context, schedule: own, backend }, lease, signal),
        idle: async () => {
          if (await own.needsRebuild()) await look();
        },
        lost: () => metrics.leasesLost.inc(),
      });
    const loops = [
      loopOf(schedule, slots, builtInBackend(children)),
      ...(remote
        ? [loopOf(remote.schedule, settings.PARSER_REQUESTS_MAX, remote.backend({ db, pool: children, metrics, log }))]
        : []),
    ];
    const wake = () => {
      for (const loop of loops) loop.wake();
    };
    const indexing = new IndexLoop({ db, pool, store, vectors, embeds: embedder !== null, metrics, log });
    onClose((limitMs) => indexing.stop(limitMs));
    const embedding = embedder && new EmbedLoop({ db, pool, vectors, embedder, log });
    if (embedding) onClose((limitMs) => embedding.stop(limitMs));
    const order = async () => {
      const ordered = embedder && (await orderMissingVectors(db, embedder));
      if (ordered?.brains)
        log.warn({ ...ordered, model: embedder?.model }, 'brains of another model are embedded anew');
      return ordered ?? undefined;
    };
    await whenThere(order);
    const usdPerPage = remote?.usdPerPage ?? null;
    const taskContext = { db, pool, store, scheduler, vectors, usdPerPage, log, order };
    const background = await whenThere(() => startBackground(taskContext));
    onClose(() => background.close());
    if (rules) {
      const count = (outcome: string) => metrics.webhookAttempts.inc({ outcome });
      const webhooks = await whenThere(() => startWebhooks({ db, pool, log, rules, count }));
      onClose(() => webhooks.close());
    }
    /** Jobs may have been sent unheard, or not be admitted: the newest are looked at, however young. */
    let missed = false;
    const reconciler = new Reconciler(db, scheduler);
    const look = inTurn(log, async () => {
      if (await scheduler.needsRebuild())
        log.info({ jobs: await rebuild(db, pool, scheduler) }, 'schedule rebuilt from PostgreSQL');
      await cancelRequested(db, scheduler);
      const unheard = missed;
      missed = false;
      if (unheard) reconciler.beginAnew();
      const found = await reconciler.round(unheard ? 0 : undefined);
      if (found > 0 && !unheard) log.warn({ jobs: found }, 'lost jobs enqueued again');
      await resumePaused(db);
      if (remote) await settleLostCalls(db, { timeoutMs: settings.PARSER_TIMEOUT_MS, usdPerPage: remote.usdPerPage });
      await reviveTasks(db);
      if (rules) await reviveWebhooks(db);
      wake();
      await indexing.look();
      await embedding?.look();
    });
    const enqueue = async (jobId: string) => {
      let isToBeRead = false;
      try {
        isToBeRead = await enqueueJob(db, scheduler, jobId);
      } catch (error) {
        missed = true;
        log.warn({ err: error as Error, jobId }, 'job not admitted, it will be found later');
      }
      wake();
      // Every worker hears of every upload.
      if (isToBeRead) return;
      await indexing.look();
      await embedding?.look();
    };
    await look();
    const timer = setInterval(() => void look(), reconcileMs);
    const stopFigures = publishFigures({
      registry: options.metrics,
      log,
      tier: 'document-worker',
      settings,
      db,
      children: () => children.pids,
      figures: {
        pagesGrantedAndWaiting: () => pagesLeft(db),
        pagesRead: () => metrics.checkpointed.pages,
        dayLimitUsed: remembered(useReadMs, async () => 100 * ((await environmentUse(db)) ?? 0)),
      },
    });
    const notifications = listenTo(settings.DATABASE_URL, jobsChannel, log, (jobId) => {
      if (jobId !== null) return void enqueue(jobId);
      missed = true;
      void look.settled().then(look);
    });
    for (const loop of loops) loop.start();
    onClose(async (limitMs) => {
      clearInterval(timer);
      await stopFigures();
      await Promise.all([notifications.close(), ...loops.map((loop) => loop.stop(limitMs))]);
      await later.close();
      await look.settled();
    });
    parser = children;
    log.info({ slots, search: searchedBy(settings) }, 'worker started');
  };
  const started = start().catch((error: Error) => {
    if (!closing.signal.aborted) throw error;
  });
  started.catch((error: Error) => {
    log.fatal({ err: error }, 'worker cannot start');
    options.onFatal();
  });

  return {
    notReady: async () => {
      if (!parser?.warm) return 'no parser child is warm';
      return null;
    },
    details: () => ({ ...(parser && { parser_isolation: isolationOf(parser) }), search: searchedBy(settings) }),
    close: async (limitMs) => {
      closing.abort();
      const deadlineMs = performance.now() + limitMs;
      await started.catch(() => {});
      for (const closer of closers) await closer(Math.max(0, deadlineMs - performance.now()));
    },
  };
}

const isolationOf = ({ isolation: { network, refused } }: ParserPool) => ({ network, refused });

/** Runs one at a time; a call during a run waits for it instead of starting another. Faults are logged. */
function inTurn(log: Logger, action: () => Promise<void>) {
  let running: Promise<void> | undefined;
  const run = () => {
    running ??= action()
      .catch((error: Error) => log.warn({ err: error }, 'looking for lost work failed'))
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  return Object.assign(run, { settled: () => running ?? Promise.resolve() });
}
