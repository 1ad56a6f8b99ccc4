/** How often one caller may ask. Quotas bound what is used (shared/quota.ts); this bounds how fast. */
import fastifyRateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import { ProblemError } from '../shared/problem.ts';

/**
 * Requests of one person or key per minute over all replicas: 50 a second is about a tenth of what one replica answers,
 * and more than any page or uploader needs.
 */
export const requestsPerMinuteMax = 3000;
/** Attempts to sign in from one address per minute and replica: a typing person needs three, a guesser needs millions. */
export const signInsPerMinuteMax = 10;

export async function limitRequests(http: FastifyInstance, redis: Redis): Promise<void> {
  await http.register(fastifyRateLimit, {
    global: true,
    // After the identity is known.
    hook: 'preHandler',
    max: requestsPerMinuteMax,
    timeWindow: 60_000,
    redis,
    nameSpace: 'bulkhead:rate:',
    // Redis may be lost: then nobody is refused (its connection logs that).
    skipOnError: true,
    keyGenerator: callerOf,
    allowList: (request) => !request.url.startsWith('/v1/'),
    addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    addHeaders: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
      'retry-after': false,
    },
    errorResponseBuilder: (_request, { max, ttl }) => tooMany(`${max} requests a minute`, ttl),
  });
}

/** In this process's memory, so that losing Redis opens no door to guessing. */
export function signInLimit(): (request: FastifyRequest) => Promise<void> {
  let attempts = new Map<string, number>();
  let windowEndsAtMs = 0;
  return async (request) => {
    const now = Date.now();
    if (now >= windowEndsAtMs) {
      attempts = new Map();
      windowEndsAtMs = now + 60_000;
    }
    const count = (attempts.get(request.ip) ?? 0) + 1;
    attempts.set(request.ip, count);
    if (count > signInsPerMinuteMax) throw tooMany(`${signInsPerMinuteMax} attempts a minute`, windowEndsAtMs - now);
  };
}

function callerOf(request: FastifyRequest): string {
  const { identity } = request;
  return identity?.keyId ?? identity?.personId ?? request.ip;
}

function tooMany(allowed: string, waitMs: number): ProblemError {
  const retryAfterS = Math.max(1, Math.ceil(waitMs / 1000));
  return new ProblemError('too-many-requests', `Allowed are ${allowed}. Come back in ${retryAfterS} s.`, {
    retryAfterS,
  });
}
