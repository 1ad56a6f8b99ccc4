/** The end of an answer's connection, for whoever listens only after having waited for something else. */
import type { ServerResponse } from 'node:http';
import { ProblemError } from './problem.ts';

/** Calls once, when the answer has ended or its caller has left: at once when that was before. */
export function onClose(raw: ServerResponse, listener: () => void): void {
  // `close` is emitted once, and not again for who listens later.
  if (raw.destroyed) listener();
  else raw.once('close', listener);
}

/** Aborts as {@link onClose} calls. @param reason made when it aborts. @default an AbortError */
export function goneSignal(raw: ServerResponse, reason?: () => Error): AbortSignal {
  const gone = new AbortController();
  onClose(raw, () => gone.abort(reason?.()));
  return gone.signal;
}

/** What is thrown for a caller who does not wait any more: no fault to log. */
export const callerGone = () => new ProblemError('unavailable', 'The caller went away.');
