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
  /** Before a password of this address is looked at: counts as wrong until it is right. @throws ProblemError `too-many-requests` */
  password(email: string): Promise<void>;
  passwordWasRight(email: string): Promise<void>;
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
    password: (email) => wrong.take(email),
    passwordWasRight: (email) => wrong.giveBack(email),
  };
}
