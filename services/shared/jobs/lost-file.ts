/** What a job says whose stored file is gone. The same bytes, uploaded again, bring the file back and the job on. */
import type { Problem } from '../contract/common.ts';
import { ProblemError } from '../http/problem.ts';
import type { JobRow } from './job-store.ts';

export const lostFile = () => new ProblemError('damaged', 'The file is no longer stored. Upload it again.');

export const failedByLostFile = ({ status, error }: Pick<JobRow, 'status' | 'error'>): boolean =>
  status === 'failed' && (error as Problem | null)?.detail === lostFile().message;
