/** Jobs as the contract shows them. */
import { sql } from 'kysely';
import type { Problem } from '../contract/common.ts';
import type { estimateUnknown, Job, JobStage, JobStatus } from '../contract/job.ts';
import { usageOfJobs } from '../ledger/ledger.ts';
import type { Database } from '../postgres/database.ts';
import type { JobEstimates, Scheduled } from '../scheduler/parser-schedules.ts';
import { hasEnded, laneOf } from './job-states.ts';
import type { JobRow } from './job-store.ts';

/** What a job's row does not hold. */
export interface JobExtras {
  /** Ascending, the first {@link failedPagesMax}. */
  readonly failedPages: readonly number[];
  readonly usage: Job['usage'];
  /** Null: no schedule has it, or nobody knows. */
  readonly scheduled: Scheduled | null;
}

/** Failed pages named in a job; `GET /v1/jobs/{j}/pages?status=failed` has them all. */
export const failedPagesMax = 100;

/** Reads what belongs to the jobs, in at most two statements for all of them. */
export async function jobViews(
  db: Database,
  rows: readonly JobRow[],
  scheduler: JobEstimates,
  now = Date.now(),
): Promise<Job[]> {
  if (rows.length === 0) return [];
  const withFailures = rows.flatMap((row) => (row.pages_failed > 0 && row.document_id ? [row.document_id] : []));
  // What was not even probed has used nothing: an upload is answered without a look into the ledger.
  const begun = rows.flatMap(({ id, started_at, pages_total }) => (started_at || pages_total !== null ? [id] : []));
  const [failed, usage, scheduled] = await Promise.all([
    withFailures.length === 0 ? [] : failedPages(db, withFailures),
    begun.length === 0 ? new Map<string, Job['usage']>() : usageOfJobs(db, begun),
    scheduledOf(db, rows, scheduler),
  ]);
  return rows.map((row, index) =>
    toJob(
      row,
      {
        failedPages: failed.filter((page) => page.document_id === row.document_id).map((page) => page.page_number),
        usage: usage.get(row.id) ?? unused,
        scheduled: scheduled[index] ?? null,
      },
      now,
    ),
  );
}

const unused: Job['usage'] = { pages: 0, tokens_in: 0, tokens_out: 0, cost_usd: 0 };

/** One that was made just now: nothing belongs to it yet, and no schedule has it. */
export const newJobView = (row: JobRow, now = Date.now()): Job =>
  toJob(row, { failedPages: [], usage: unused, scheduled: null }, now);

export function toJob(row: JobRow, { failedPages, usage, scheduled }: JobExtras, now: number): Job {
  const status = row.status as JobStatus;
  const ingest = row.kind === 'ingest';
  const estimate = estimateOf(row, scheduled, now);
  const path = `/v1/jobs/${row.id}`;
  return {
    id: row.id,
    object: 'job',
    kind: row.kind as Job['kind'],
    status,
    brain_id: row.brain_id,
    document_id: row.document_id,
    lane: ingest ? laneOf(row.pages_total === null ? null : row.pages_total - row.pages_done) : null,
    queue: queueOf(row, scheduled),
    estimate,
    progress: {
      stage: row.stage as JobStage | null,
      pages_total: row.pages_total,
      pages_done: row.pages_done,
      pages_failed: row.pages_failed,
      pages_without_text: row.pages_without_text,
      failed_pages: [...failedPages],
      eta_ms: leftMs(estimate, now),
      moved_at: row.moved_at.toISOString(),
    },
    paused_until: status === 'paused' ? (row.paused_until?.toISOString() ?? null) : null,
    price: ingest && row.pages_total !== null ? { pages: row.pages_total, usd: row.price_usd } : null,
    attempt: row.attempt,
    created_at: row.created_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    finished_at: row.finished_at?.toISOString() ?? null,
    expires_at: row.expires_at?.toISOString() ?? null,
    error: row.error as Problem | null,
    usage,
    links: {
      self: path,
      pages: ingest ? `${path}/pages` : null,
      document: row.document_id && ingest ? `/v1/documents/${row.document_id}` : null,
      cancel: `${path}:cancel`,
    },
  };
}

const reads = ({ kind, status, stage }: JobRow) =>
  kind === 'ingest' && (status === 'queued' || status === 'running') && stage !== 'indexing';

function queueOf(row: JobRow, scheduled: Scheduled | null): Job['queue'] {
  if (!scheduled?.waits || !reads(row) || row.pages_done > 0) return null;
  const { jobsAhead, estimate } = scheduled;
  return {
    place: jobsAhead + 1,
    pages_ahead: estimate?.pagesAhead ?? null,
    starts_in_ms: estimate?.startsInMs ?? null,
  };
}

function estimateOf(row: JobRow, scheduled: Scheduled | null, now: number): Job['estimate'] {
  if (hasEnded(row)) return null;
  const ms = scheduled?.estimate?.finishesInMs;
  if (ms !== undefined) return { finishes_at: new Date(now + ms).toISOString(), unknown: null };
  return { finishes_at: null, unknown: unknownOf(row, scheduled) };
}

function unknownOf(row: JobRow, scheduled: Scheduled | null): (typeof estimateUnknown)[number] {
  if (row.kind !== 'ingest') return 'not_an_ingest';
  if (row.stage === 'indexing') return 'indexing';
  if (row.pages_total === null) return 'pages_unknown';
  return scheduled ? 'speed_unknown' : 'schedule_unknown';
}

const leftMs = (estimate: Job['estimate'], now: number): number | null =>
  estimate?.finishes_at ? Math.max(0, Date.parse(estimate.finishes_at) - now) : null;

/** Redis may be away; then nobody knows the place. */
async function scheduledOf(
  db: Database,
  rows: readonly JobRow[],
  scheduler: JobEstimates,
): Promise<(Scheduled | null)[]> {
  const awaits = rows.filter(({ status }) => status === 'awaiting_confirmation').map(({ id }) => id);
  const readBy = awaits.length === 0 ? [] : await readersOf(db, awaits);
  return Promise.all(
    rows.map(async (row) => {
      if (reads(row)) return scheduler.estimate(row.id).catch(() => null);
      const by = readBy.find(({ id }) => id === row.id);
      if (!by || row.pages_total === null) return null;
      const estimate = await scheduler
        .estimateNew({ tenantId: row.tenant_id, pages: row.pages_total }, by)
        .catch(() => null);
      return { waits: false, jobsAhead: 0, estimate };
    }),
  );
}

const readersOf = (db: Database, jobIds: readonly string[]) =>
  db
    .selectFrom('jobs')
    .innerJoin('documents', 'documents.id', 'jobs.document_id')
    .innerJoin('tenants', 'tenants.id', 'jobs.tenant_id')
    .select(['jobs.id', 'tenants.parser as tenantParser', 'documents.media_type as mediaType'])
    .where('jobs.id', 'in', jobIds)
    .execute();

/**
 * Seconds for `Retry-After` of a job that is not at its end: its own estimate, at least 1 (a poll costs a request), at
 * most 30 (it may be faster than expected); null at its end.
 */
export function retryAfterS(job: Job): number | null {
  if (hasEnded(job)) return null;
  if (job.progress.eta_ms !== null) return Math.min(30, Math.max(1, Math.ceil(job.progress.eta_ms / 1000)));
  return job.status === 'awaiting_confirmation' || job.status === 'paused' ? 30 : 2;
}

async function failedPages(db: Database, documentIds: readonly string[]) {
  const { rows } = await sql<{ document_id: string; page_number: number }>`
    select p.document_id, p.page_number
    from unnest(${documentIds}::uuid[]) as d (id)
    cross join lateral (
      select document_id, page_number from pages
      where document_id = d.id and error_code is not null
      order by page_number limit ${failedPagesMax}
    ) p
    order by p.page_number`.execute(db);
  return rows;
}
