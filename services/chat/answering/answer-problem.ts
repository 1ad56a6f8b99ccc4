/** What whoever asked is told when no answer came. */
import { ProblemError } from '../../shared/http/problem.ts';
import { problemOfStore } from '../../shared/http/store-problem.ts';

/** @param reference by which the log names the fault, should it be ours */
export function answerProblem(error: unknown, reference: string): ProblemError {
  if (error instanceof ProblemError) return error;
  // Of AbortSignal.timeout: TURN_TIMEOUT_MS.
  if ((error as Error).name === 'TimeoutError')
    return new ProblemError('model-failed', 'The answer took longer than is allowed here.');
  return problemOfStore(error) ?? new ProblemError('internal', `Reference ${reference}.`, { instance: reference });
}
