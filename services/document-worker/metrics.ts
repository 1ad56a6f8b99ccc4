/** What a worker tells at `/metrics`, beside the process and HTTP figures. */
import { sql } from 'kysely';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Scheduler } from '../shared/contract/grant.ts';
import { gauge } from '../shared/gauge.ts';
import { grantableStatuses } from '../shared/jobs/job-states.ts';
import type { Database } from '../shared/postgres/database.ts';
import type { ParserPool } from './parser/parser-pool.ts';

export type WorkerMetrics = ReturnType<typeof createMetrics>;

export function createMetrics(registry: Registry, scheduler: Pick<Scheduler, 'snapshot'>) {
  const registers = [registry];
  const perBand = { labelNames: ['band'], registers };
  const waitingPages = new Gauge({ name: 'schedule_waiting_pages', help: 'Pages waiting for a grant', ...perBand });
  const oldestWait = new Gauge({
    name: 'schedule_oldest_wait_seconds',
    help: 'Age of the oldest waiting job',
    ...perBand,
  });
  const probes = new Gauge({ name: 'schedule_probes', help: 'Documents waiting for their probe', registers });
  const leases = new Gauge({ name: 'schedule_leases', help: 'Grants under way in all workers', registers });
  const granted = new Gauge({ name: 'schedule_pages_granted', help: 'Pages granted since Redis started', registers });
  const waitingJobs = new Gauge({
    name: 'schedule_waiting_jobs',
    help: 'Jobs with pages waiting for a grant',
    ...perBand,
    // One snapshot fills all five gauges; without Redis they keep their last values.
    collect: async () => {
      const snapshot = await scheduler.snapshot().catch(() => null);
      if (!snapshot) return;
      for (const { band, jobs, pages, oldestWaitMs } of snapshot.bands) {
        waitingJobs.set({ band }, jobs);
        waitingPages.set({ band }, pages);
        oldestWait.set({ band }, oldestWaitMs / 1000);
      }
      probes.set(snapshot.probes);
      leases.set(snapshot.leases);
      granted.set(snapshot.pagesGranted);
    },
  });
  return {
    /** Pages checkpointed by this worker since the start. */
    checkpointed: { pages: 0 },
    reads: new Counter({
      name: 'parser_reads_total',
      help: 'Pages read by this worker, checkpointed or lost',
      registers,
    }),
    pagesWasted: new Counter({
      name: 'parser_pages_wasted_total',
      help: 'Pages read whose results were refused: a newer lease took over, the job was canceled or its document deleted',
      labelNames: ['reason'],
      registers,
    }),
    pageErrors: new Counter({
      name: 'parser_page_errors_total',
      help: 'Pages that could not be read',
      labelNames: ['code'],
      registers,
    }),
    pageSeconds: new Histogram({
      name: 'parser_page_seconds',
      help: 'Mean time of a page in its checkpoint',
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
      registers,
    }),
    grantSeconds: new Histogram({
      name: 'parser_grant_seconds',
      help: 'Time to parse the pages of one checkpoint',
      buckets: [0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
      registers,
    }),
    remoteCalls: new Histogram({
      name: 'parser_call_seconds',
      help: "Requests to a provider's parser",
      labelNames: ['outcome'],
      buckets: [0.1, 0.3, 1, 3, 10, 30, 100, 300],
      registers,
    }),
    webhookAttempts: new Counter({
      name: 'webhook_attempts_total',
      help: 'Attempts to deliver webhooks',
      labelNames: ['outcome'],
      registers,
    }),
    indexed: new Counter({ name: 'index_chunks_total', help: 'Chunks made searchable by this worker', registers }),
    leasesLost: new Counter({ name: 'leases_lost_total', help: 'Grants that ran out or failed here', registers }),
  };
}

export function watchPool(registry: Registry, pool: ParserPool): void {
  const registers = [registry];
  gauge(registry, 'parser_children', 'Parser child processes', () => pool.pids.length);
  new Gauge({
    name: 'parser_child_restarts',
    help: 'Children lost (crash, deadline, memory) or recycled since the start',
    labelNames: ['reason'],
    registers,
    collect() {
      this.set({ reason: 'lost' }, pool.counts.lost);
      this.set({ reason: 'recycled' }, pool.counts.recycled);
    },
  });
}

/** Pages of the whole environment that are granted or wait. A document before its probe counts as one page. */
export async function pagesLeft(db: Database): Promise<number> {
  const { pages } = await db
    .selectFrom('jobs')
    .select(sql<number>`coalesce(sum(coalesce(pages_total, 1) - pages_done), 0)`.as('pages'))
    .where('kind', '=', 'ingest')
    .where('status', 'in', grantableStatuses)
    .executeTakeFirstOrThrow();
  return pages;
}
