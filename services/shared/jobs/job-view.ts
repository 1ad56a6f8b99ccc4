/** Jobs as the contract shows them. */
import { sql } from 'kysely';
import type { Problem } from '../contract/common.ts';
import type { Scheduler } from '../contract/grant.ts';
import type { Job, JobStage, JobStatus } from '../contract/job.ts';
import { usageOfJobs } from '../ledger/ledger.ts';
import type { Database } from '../postgres/database.ts';
import { etaMs, hasEnded, laneOf } from './job-states.ts';
import type { JobRow } from './job-store.ts';

/** What a job's row does not hold. */
export interface JobExtras {
  /** Ascending, the first {@link failedPagesMax}. */
  readonly failedPages: readonly number[];
  readonly usage: Job['usage'];
  /** Jobs that will be served before; null when it does not wait or nobody knows. */
  readonly ahead: number | null;
}

/** Failed pages named in a job; `GET /v1/jobs/{j}/pages?status=failed` has them all. */
export const failedPagesMax = 100;

/** Reads what belongs to the jobs, in two statements for all of them. */
export async function jobViews(
  db: Database,
  rows: readonly JobRow[],
  scheduler: Pick<Scheduler, 'position'>,
  now = Date.now(),
): Promise<Job[]> {
  if (rows.length === 0) return [];
  const withFailures = rows.flatMap((row) => (row.pages_failed > 0 && row.document_id ? [row.document_id] : []));
  const [failed, usage, ahead] = await Promise.all([
    withFailures.length === 0 ? [] : failedPages(db, withFailures),
    usageOfJobs(
      db,
      rows.map(({ id }) => id),
    ),
    // Redis may be away; then nobody knows the place.
    Promise.all(rows.map((row) => (row.status === 'queued' ? scheduler.position(row.id).catch(() => null) : null))),
  ]);
  return rows.map((row, index) =>
    toJob(
      row,
      {
        failedPages: failed.filter((page) => page.document_id === row.document_id).map((page) => page.page_number),
        usage: usage.get(row.id) ?? { pages: 0, tokens_in: 0, tokens_out: 0, cost_usd: 0 },
        ahead: ahead[index] ?? null,
      },
      now,
    ),
  );
}

export function toJob(row: JobRow, { failedPages, usage, ahead }: JobExtras, now: number): Job {
  const status = row.status as JobStatus;
  const ingest = row.kind === 'ingest';
  const path = `/v1/jobs/${row.id}`;
  return {
    id: row.id,
    object: 'job',
    kind: row.kind as Job['kind'],
    status,
    brain_id: row.brain_id,
    document_id: row.document_id,
    lane: ingest ? laneOf(row.pages_total === null ? null : row.pages_total - row.pages_done) : null,
    queue: status === 'queued' && ahead !== null ? { ahead, starts_in_ms: ahead === 0 ? 0 : null } : null,
    progress: {
      stage: row.stage as JobStage | null,
      pages_total: row.pages_total,
      pages_done: row.pages_done,
      pages_failed: row.pages_failed,
      pages_without_text: row.pages_without_text,
      failed_pages: [...failedPages],
      eta_ms: etaMs(row, now),
      moved_at: row.moved_at.toISOString(),
    },
    price: row.price_usd === null ? null : { pages: row.pages_total ?? 0, usd: row.price_usd },
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

/**
 * Seconds for `Retry-After` of a job that is not at its end: its own estimate, at least 1 (a poll costs a request), at
 * most 30 (it may be faster than expected); null at its end.
 */
export function retryAfterS(job: Job): number | null {
  if (hasEnded(job)) return null;
  if (job.progress.eta_ms !== null) return Math.min(30, Math.max(1, Math.ceil(job.progress.eta_ms / 1000)));
  return job.status === 'awaiting_confirmation' ? 30 : 2;
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
