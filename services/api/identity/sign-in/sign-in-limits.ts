/** How often somebody may try to prove who they are: from one network, and as one person. */
import type { FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import { createLimit, networkOf } from '../../../shared/auth/rate-limit.ts';

/** From one network in a minute: a typing person needs three, a guesser needs millions. */
export const signInsPerMinuteMax = 10;
/** Wrong passwords of one person in an hour, from wherever they come: far below what ten letters need, far above typos. */
export const wrongPasswordsPerHourMax = 50;

export interface SignInLimits {
  /** Counts an attempt. @throws ProblemError `too-many-requests` */
  attempt(request: FastifyRequest): Promise<void>;
  /**
   * Looks at a password of this address. It counts as wrong from before that, unless it opens something or was not looked at.
   *
   * @param look what the password opens
   * @throws ProblemError `too-many-requests`, what `look` throws
   */
  password<Opened>(email: string, look: () => Promise<Opened[]>): Promise<Opened[]>;
}

export function createSignInLimits(redis: Redis): SignInLimits {
  const attempts = createLimit(redis, {
    name: 'sign-in',
    allowed: signInsPerMinuteMax,
    windowS: 60,
    what: 'attempts to sign in',
  });
  const wrong = createLimit(redis, {
    name: 'wrong-password',
    allowed: wrongPasswordsPerHourMax,
    windowS: 3600,
    what: 'wrong passwords',
  });
  return {
    attempt: (request) => attempts.take(networkOf(request.ip)),
    password: async (email, look) => {
      await wrong.take(email);
      let isWrong = false;
      try {
        const opened = await look();
        isWrong = opened.length === 0;
        return opened;
      } finally {
        if (!isWrong) await wrong.giveBack(email);
      }
    },
  };
}
