/** What callers are told when a store is away, too busy, or has lost what it held. */
import { NotInStoreError } from '../storage/document-store.ts';
import { ProblemError } from './problem.ts';
import { type DependencyName, isBusy, UnavailableError } from './unavailable.ts';

/** A failover takes 30 to 60 s; sooner tries cost little, and the first after it succeeds. */
const awayRetryAfterS = 5;
/** A lock or a slow statement is over sooner. */
const busyRetryAfterS = 2;

/** In words of those who only know the product; others are their name. */
const words: Readonly<Partial<Record<DependencyName, string>>> = {
  postgres: 'The database',
  redis: 'The scheduler’s store',
  'document-store': 'The document store',
  vectorstore: 'The search tier',
};

/** Null: the error is about something else. */
export function problemOfStore(error: unknown): ProblemError | null {
  if (error instanceof UnavailableError)
    return new ProblemError(
      'store-unavailable',
      `${words[error.dependency] ?? `The ${error.dependency} tier`} does not answer at the moment. Try again in ${awayRetryAfterS} s.`,
      { retryAfterS: awayRetryAfterS },
    );
  if (isBusy(error))
    return new ProblemError('store-unavailable', `The database is busy. Try again in ${busyRetryAfterS} s.`, {
      retryAfterS: busyRetryAfterS,
    });
  if (error instanceof NotInStoreError)
    return new ProblemError('gone', 'What was stored for this document is missing. Upload the file again.');
  return null;
}
