/** What a worker may do with a lease, decided from the job as PostgreSQL knows it. */
import type { Lease } from '../contract/grant.ts';

export interface JobState {
  readonly status: string;
  readonly stage: string | null;
  readonly epoch: number;
  /** The document was deleted meanwhile. */
  readonly deleted: boolean;
}

/** `stale`: a newer lease took over. `forget`: nothing is left to do for this job. */
export type Decision = 'work' | 'stale' | 'cancel' | 'forget';

/** @param job undefined: there is no such job any more */
export function decide(job: JobState | undefined, { epoch }: Pick<Lease, 'epoch'>): Decision {
  if (!job || job.deleted) return 'forget';
  // Its pages are done; the index run ends it, also when it is to be canceled.
  if (job.stage === 'indexing') return 'forget';
  if (job.status === 'canceling') return 'cancel';
  if (job.status !== 'queued' && job.status !== 'running') return 'forget';
  return epoch < job.epoch ? 'stale' : 'work';
}
