/** How often one caller may ask. Quotas bound what is used (quota.ts); this bounds how fast. */
import { createHash } from 'node:crypto';
import fastifyRateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import ipaddr from 'ipaddr.js';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { ProblemError } from '../http/problem.ts';

/**
 * Requests of one person or key per minute: 50 a second is about a tenth of what one replica answers, and more than any
 * page or uploader needs.
 */
export const requestsPerMinuteMax = 3000;

/** How many callers a replica without Redis counts at once; the one not seen for longest is forgotten first. */
const callersMax = 20_000;

/** Counts over all replicas with Redis, in this replica's memory without. Routes declared before are not limited. */
export async function limitRequests(http: FastifyInstance, redis: Redis | null): Promise<void> {
  await http.register(fastifyRateLimit, {
    global: true,
    // After the identity is known.
    hook: 'preHandler',
    max: requestsPerMinuteMax,
    timeWindow: 60_000,
    ...(redis ? { redis } : { cache: callersMax }),
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

/** Counts events per key in fixed windows. */
export interface Limit {
  /** Counts one. @throws ProblemError `too-many-requests` once the window's allowance is used up */
  take(key: string): Promise<void>;
  /** Uncounts one. */
  giveBack(key: string): Promise<void>;
  /** Counts nothing. @throws ProblemError `too-many-requests` as {@link take} would */
  check(key: string): Promise<void>;
}

export interface LimitOptions {
  /** Part of the key in Redis. */
  readonly name: string;
  /** How many in one window. */
  readonly allowed: number;
  readonly windowS: number;
  /** What is counted, for the refused: `attempts to sign in`. */
  readonly what: string;
}

/**
 * Over all replicas in Redis; in this process's memory without it and while it is away, so that losing Redis opens no
 * way to guessing. What is used up is refused from memory until the window ends.
 */
export function createLimit(redis: Redis | null, { name, allowed, windowS, what }: LimitOptions): Limit {
  const memory = new RateLimiterMemory({ keyPrefix: name, points: allowed, duration: windowS });
  const limiter = redis
    ? new RateLimiterRedis({
        storeClient: redis,
        keyPrefix: `bulkhead:limit:${name}`,
        points: allowed,
        duration: windowS,
        rejectIfRedisNotReady: true,
        inMemoryBlockOnConsumed: allowed + 1,
        insuranceLimiter: memory,
      })
    : memory;
  const refusal = (waitMs: number) => tooMany(`${allowed} ${what} in ${windowS} s`, waitMs);
  return {
    take: async (key) => {
      await limiter.consume(hidden(key)).catch((reason: unknown) => {
        throw reason instanceof RateLimiterRes ? refusal(reason.msBeforeNext) : reason;
      });
    },
    giveBack: async (key) => {
      await limiter.reward(hidden(key));
    },
    check: async (key) => {
      const used = await limiter.get(hidden(key));
      if (used && used.consumedPoints >= allowed) throw refusal(used.msBeforeNext);
    },
  };
}

/** Keys may be addresses of people: Redis sees their hash. */
const hidden = (key: string) => createHash('sha256').update(key).digest('base64url').slice(0, 22);

/**
 * Whom an IP address stands for: itself, or with IPv6 its /64, which is what one subscriber gets. Single addresses of it
 * are free for the taking.
 */
export function networkOf(ip: string): string {
  if (!ipaddr.isValid(ip)) return ip;
  const address = ipaddr.process(ip);
  if (address.kind() === 'ipv4') return address.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toNormalizedString()}/64`).toNormalizedString()}/64`;
}

function callerOf(request: FastifyRequest): string {
  const { identity } = request;
  return identity?.keyId ?? identity?.personId ?? networkOf(request.ip);
}

function tooMany(allowed: string, waitMs: number): ProblemError {
  const retryAfterS = Math.max(1, Math.ceil(waitMs / 1000));
  return new ProblemError('too-many-requests', `Allowed are ${allowed}. Come back in ${retryAfterS} s.`, {
    retryAfterS,
  });
}
