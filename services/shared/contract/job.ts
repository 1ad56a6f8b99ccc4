/** Jobs: what a person may watch and cancel. */
import { z } from 'zod';
import { id, problem, timestamp } from './common.ts';

export const jobStatuses = [
  'awaiting_confirmation',
  'paused',
  'queued',
  'running',
  'succeeded',
  'partial',
  'failed',
  'canceling',
  'canceled',
] as const;
export const jobStatus = z.enum(jobStatuses);
export type JobStatus = z.output<typeof jobStatus>;

export const terminalStatuses: ReadonlySet<JobStatus> = new Set(['succeeded', 'partial', 'failed', 'canceled']);

export const jobStages = ['probing', 'parsing', 'indexing', 'deleting'] as const;
export type JobStage = (typeof jobStages)[number];

/** What a job does. How each moves: shared/jobs/job-states.ts. */
export const jobKinds = ['ingest', 'delete_document', 'delete_brain', 'reindex'] as const;
export type JobKind = (typeof jobKinds)[number];

/** By the pages that a job has left. */
export const lanes = ['light', 'middle', 'heavy'] as const;
export type Lane = (typeof lanes)[number];
/** Most pages left in a lane; the heavy lane takes the rest. */
export const lanePagesMax = { light: 100, middle: 199 } as const;
/**
 * Bands of the page scheduler by their most pages left; one more takes the rest. The first two are the light lane. Their
 * names are labels of metrics.
 */
export const bandPagesMax = [10, lanePagesMax.light, lanePagesMax.middle] as const;
export const bands = ['1-10', '11-100', '101-199', '200+'] as const;

/**
 * Why it is not known when a job is done: its pages are not counted yet; nothing was read yet, so the speed is not known;
 * the schedule cannot be asked; its pages are read and it is being indexed; it is no reading of a document.
 */
export const estimateUnknown = [
  'pages_unknown',
  'speed_unknown',
  'schedule_unknown',
  'indexing',
  'not_an_ingest',
] as const;

export const job = z.object({
  id,
  object: z.literal('job'),
  kind: z.enum(jobKinds),
  status: jobStatus,
  /** Null for what concerns the whole tenant. */
  brain_id: id.nullable(),
  document_id: id.nullable(),
  lane: z.enum(lanes).nullable(),
  /**
   * While it waits for its first page; else null. `place` is among the tenant's own documents, 1 is next; `pages_ahead`
   * are read before its first page, whosever they are. Short documents that come later may still go first. Estimates
   * are null when {@link estimate} is.
   */
  queue: z.object({ place: z.int(), pages_ahead: z.int().nullable(), starts_in_ms: z.int().nullable() }).nullable(),
  /**
   * About when its pages are read; to make them searchable takes a little longer. Null at its end. From what waits, by
   * the scheduler's rules, at the speed of the last grants. While `finishes_at` is null, `unknown` says why.
   */
  estimate: z.object({ finishes_at: timestamp.nullable(), unknown: z.enum(estimateUnknown).nullable() }).nullable(),
  progress: z.object({
    stage: z.enum(jobStages).nullable(),
    pages_total: z.int().nullable(),
    pages_done: z.int(),
    pages_failed: z.int(),
    /** Pages on which something is drawn but no text was found: scans, most often. */
    pages_without_text: z.int(),
    /** Numbers of failed pages, the first 100 of them. */
    failed_pages: z.array(z.int()),
    /** Time until `estimate.finishes_at`; null when unknown. */
    eta_ms: z.int().nullable(),
    /** When it last moved; a watcher shows "no progress" from it. */
    moved_at: timestamp,
  }),
  /** While paused: when it goes on by itself. `error` says which limit is reached; or that its tenant is suspended, then null. */
  paused_until: timestamp.nullable(),
  /**
   * Known after the probe, before any page is parsed: about what reading and embedding cost in US dollars. `usd` is null
   * when the price of the parser or the embedding is not known; it is 0 only where nothing is billed.
   */
  price: z.object({ pages: z.int(), usd: z.number().nullable() }).nullable(),
  attempt: z.int(),
  created_at: timestamp,
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  /** Readable until then, at least 7 days after it finished. */
  expires_at: timestamp.nullable(),
  error: problem.nullable(),
  usage: z.object({
    pages: z.int(),
    tokens_in: z.int(),
    tokens_out: z.int(),
    /** Null: of something that it used the price is not known. */
    cost_usd: z.number().nullable(),
  }),
  links: z.object({
    self: z.string(),
    pages: z.string().nullable(),
    document: z.string().nullable(),
    cancel: z.string(),
  }),
});
export type Job = z.output<typeof job>;
