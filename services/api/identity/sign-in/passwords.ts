/** Passwords: hashed slowly, so few at a time. */
import { hashPassword, verifyPassword } from 'better-auth/crypto';
import { BulkheadRejectedError, bulkhead } from 'cockatiel';
import { ProblemError } from '../../../shared/http/problem.ts';

/** One hash takes a thread of four, 32 MiB and some 100 ms of a CPU, of which a replica may have a quarter. */
const hashesAtOnce = 1;
/** Who comes after these would wait longer than a person does. */
const hashesWaiting = 16;

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Those of the accounts that it opens. Takes as long when there is none. */
  opened<A extends { readonly password: string | null }>(accounts: readonly A[], password: string): Promise<A[]>;
}

export function createPasswords(): Passwords {
  const hashing = bulkhead(hashesAtOnce, hashesWaiting);
  const execute = <T>(work: () => Promise<T>): Promise<T> =>
    hashing.execute(work).catch((error: unknown) => {
      if (!(error instanceof BulkheadRejectedError)) throw error;
      throw new ProblemError('unavailable', `${hashesWaiting} sign-ins wait already. Come back in 5 s.`, {
        retryAfterS: 5,
      });
    });
  return {
    hash: (password) => execute(() => hashPassword(password)),
    opened: (accounts, password) =>
      execute(async () => {
        const opened: (typeof accounts)[number][] = [];
        for (const account of accounts)
          if (account.password && (await verifyPassword({ hash: account.password, password }))) opened.push(account);
        // Nobody learns from the time whose address is known.
        if (accounts.length === 0) await hashPassword(password);
        return opened;
      }),
  };
}
