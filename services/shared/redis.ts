/** Redis: scheduling state and limits. It can be lost: calls fail soon instead of piling up, and it is found again. */
import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from './log.ts';

/** Reached within the network of one region in milliseconds. */
const connectTimeoutMs = 2000;
/** A connection on which nothing came for so long, with a look every 5 s (health.ts), is dead; TCP alone takes hours. */
const socketTimeoutMs = 15_000;
const reconnectMsMax = 2000;

/** Of requests, which go on without: a call fails at once. Of work, which cannot: it is tried again for a few seconds. */
const modes = {
  request: { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 1000 },
  work: { maxRetriesPerRequest: 3, commandTimeout: 5000 },
} satisfies Record<string, RedisOptions>;

export function openRedis(url: string, mode: keyof typeof modes, log: Logger): Redis {
  const redis = new Redis(url, {
    ...modes[mode],
    connectTimeout: connectTimeoutMs,
    socketTimeout: socketTimeoutMs,
    keepAlive: 10_000,
    retryStrategy: (attempt) => Math.min(reconnectMsMax, attempt * 100),
  });
  // Without a listener a lost connection would end the process. How long it lasts is told by health.ts.
  let logged = false;
  redis.on('error', (error) => {
    if (!logged) log.warn({ err: error }, 'Redis connection lost');
    logged = true;
  });
  redis.on('ready', () => {
    logged = false;
  });
  return redis;
}
