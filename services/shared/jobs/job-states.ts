/**
 * What a job is, how it moves and who may move it. Pure; the other files here write what is decided, and nothing outside
 * this folder writes the table `jobs` (test/tidy.ts).
 *
 *               ┌────────────────ask───────────────────────┐
 *               ▼                                          │
 *     awaiting_confirmation ──confirm──► queued ──begin──► running ──end──► succeeded, partial, failed
 *               │                          │                  │
 *               └──────────cancel──────────┤            requestCancel
 *                                          ▼                  ▼
 *                                      canceled ◄──end─── canceling
 *
 *     queued, running ──pause──► paused ──resume──► queued: the day's pages or dollars are used up, another day has new ones;
 *         or its tenant is suspended
 *     partial, failed, canceled ──retry──► queued; running when all that is left is to index
 *     succeeded, partial ──loseFile──► failed
 *     whatever has not ended ──abandon──► canceled: its document or brain is deleted
 *     reindex: queued ──beginReindex──► running ──endReindex──► succeeded
 *
 * Stages of a running job: an ingest is `probing`, then `parsing` under leases (contract/grant.ts), then `indexing` by one
 * index run; a deletion is `deleting`, as a task of graphile-worker; a reindex is `indexing`, moved on by whatever worker
 * makes vectors. A job that has ended has no stage.
 *
 * A job belongs to a tenant, most to a brain, some to a document. It goes with its brain or document; one without a brain
 * stays when its tenant goes.
 */
import type { Lease } from '../contract/grant.ts';
import {
  type JobKind,
  type JobStage,
  type JobStatus,
  type Lane,
  lanePagesMax,
  terminalStatuses,
} from '../contract/job.ts';

/** A job stays readable for so long after its end; the last ingest job of a document as long as the document. */
export const retentionDays = 7;

/**
 * Kinds that graphile-worker runs, as tasks of the same name, each with its stage. The others run under leases of the page
 * scheduler.
 */
export const backgroundStages = { delete_document: 'deleting', delete_brain: 'deleting' } as const satisfies Partial<
  Record<JobKind, JobStage>
>;
export type BackgroundKind = keyof typeof backgroundStages;
export const backgroundKinds = Object.keys(backgroundStages) as readonly BackgroundKind[];

/** In which pages may still be parsed. */
const beforeIndexing = [null, 'probing', 'parsing'] as const;

/** In which a job is told its price. */
const priced = ['probing', 'parsing'] as const;

/** Who may ask for a transition; what else they must hold (a lease, an epoch, a lock) is checked where it is written. */
type Actor = 'person' | 'lease holder' | 'index run' | 'task' | 'any worker';

export interface Transition {
  readonly by: Actor;
  readonly kinds: readonly JobKind[];
  readonly from: readonly JobStatus[];
  /** @default any */
  readonly stages?: readonly (JobStage | null)[];
  readonly to: readonly JobStatus[];
}

const ingest: readonly JobKind[] = ['ingest'];
const reindex: readonly JobKind[] = ['reindex'];
const outcomes = ['succeeded', 'partial', 'failed', 'canceled'] as const;
/** How a job ends. */
export type Outcome = (typeof outcomes)[number];

/** Every change of a status. Changes within one status (progress) are not listed. */
export const transitions = {
  // A probe found more pages than the tenant lets be read unasked; or what is left became dearer than that.
  ask: { by: 'lease holder', kinds: ingest, from: ['running'], stages: priced, to: ['awaiting_confirmation'] },
  // What a probe found, or what is left, is more than a limit of the day leaves; or its tenant is suspended.
  pause: { by: 'lease holder', kinds: ingest, from: ['queued', 'running'], stages: beforeIndexing, to: ['paused'] },
  resume: { by: 'any worker', kinds: ingest, from: ['paused'], to: ['queued'] },
  confirm: { by: 'person', kinds: ingest, from: ['awaiting_confirmation'], to: ['queued'] },
  cancel: { by: 'person', kinds: ingest, from: ['awaiting_confirmation', 'paused', 'queued'], to: ['canceled'] },
  // Whoever works on it ends it.
  requestCancel: { by: 'person', kinds: ingest, from: ['running'], to: ['canceling'] },
  retry: { by: 'person', kinds: ingest, from: ['partial', 'failed', 'canceled'], to: ['queued', 'running'] },
  // Each lease begins its job anew, and the newest may end it.
  begin: { by: 'lease holder', kinds: ingest, from: ['queued', 'running'], stages: beforeIndexing, to: ['running'] },
  end: { by: 'lease holder', kinds: ingest, from: ['queued', 'running'], stages: beforeIndexing, to: outcomes },
  // An index run takes its vectors back before it ends the job.
  endCanceled: { by: 'any worker', kinds: ingest, from: ['canceling'], stages: beforeIndexing, to: ['canceled'] },
  endIndexed: { by: 'index run', kinds: ingest, from: ['running', 'canceling'], stages: ['indexing'], to: outcomes },
  abandon: {
    by: 'task',
    kinds: ['ingest', 'reindex'],
    from: ['awaiting_confirmation', 'paused', 'queued', 'running', 'canceling'],
    to: ['canceled'],
  },
  loseFile: { by: 'task', kinds: ingest, from: ['succeeded', 'partial'], to: ['failed'] },
  beginReindex: { by: 'any worker', kinds: reindex, from: ['queued', 'running'], to: ['running'] },
  endReindex: { by: 'any worker', kinds: reindex, from: ['queued', 'running'], to: ['succeeded'] },
  beginTask: { by: 'task', kinds: backgroundKinds, from: ['queued', 'running', 'canceling'], to: ['running'] },
  // Each step may be repeated, the last one too.
  endTask: {
    by: 'task',
    kinds: backgroundKinds,
    from: ['queued', 'running', 'canceling', 'succeeded'],
    to: ['succeeded'],
  },
} as const satisfies Readonly<Record<string, Transition>>;
export type TransitionName = keyof typeof transitions;
export type StatusAfter<Name extends TransitionName> = (typeof transitions)[Name]['to'][number];

/** What a decision needs to know of a job; as in its row. */
export interface JobState {
  readonly kind: string;
  readonly status: string;
  readonly stage: string | null;
}

export function allows(name: TransitionName, { kind, status, stage }: JobState): boolean {
  const { kinds, from, stages }: Transition = transitions[name];
  return (
    kinds.some((one) => one === kind) &&
    from.some((one) => one === status) &&
    (stages === undefined || stages.some((one) => one === stage))
  );
}

export const hasEnded = ({ status }: Pick<JobState, 'status'>) => terminalStatuses.has(status as JobStatus);

/** Whose documents are not, or not wholly, searchable yet; as the index `jobs_unread` says it. */
export const readingStatuses = [
  'awaiting_confirmation',
  'paused',
  'queued',
  'running',
] as const satisfies readonly JobStatus[];
/** Whose pages may be granted, while their stage is before indexing. */
export const grantableStatuses = transitions.begin.from;
export const grantableStages = beforeIndexing.filter((stage) => stage !== null);
/** Whose index run may write and end. */
export const indexableStatuses = transitions.endIndexed.from;

/** What the holder of a lease may do. `stale`: a newer lease took over. `forget`: nothing is left to do for this job. */
export type LeaseDecision = 'work' | 'stale' | 'cancel' | 'forget';

export interface LeasedJob extends JobState {
  /** Raised with each attempt, and with each loss of a lease. */
  readonly epoch: number;
  /** The document was deleted meanwhile. */
  readonly deleted: boolean;
}

/** @param job undefined: there is no such job any more */
export function decideLease(job: LeasedJob | undefined, { epoch }: Pick<Lease, 'epoch'>): LeaseDecision {
  if (!job || job.deleted) return 'forget';
  if (allows('endCanceled', job)) return 'cancel';
  // In `indexing` its pages are done; the index run ends it, also when it is to be canceled.
  if (!allows('begin', job)) return 'forget';
  return epoch < job.epoch ? 'stale' : 'work';
}

/** @param pagesLeft null before the probe: it then counts as the middle */
export function laneOf(pagesLeft: number | null): Lane {
  if (pagesLeft === null) return 'middle';
  return pagesLeft <= lanePagesMax.light ? 'light' : pagesLeft <= lanePagesMax.middle ? 'middle' : 'heavy';
}
