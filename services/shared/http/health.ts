/**
 * Two questions. `/livez`: does this process work? Who is told no replaces it. `/readyz`: may it get requests? Not before
 * it is warm and has once seen all that it needs, and not while it drains; but then a store that is away, which all
 * replicas share, is no reason to take this one out: it is *degraded*, each request that needs the store gets a `503`
 * (http.ts), and nothing is replaced.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { Gauge, type Registry } from 'prom-client';
import type { Logger } from '../log.ts';
import type { DependencyName } from './unavailable.ts';

/** A store, or another tier, that requests need. */
export interface Dependency {
  readonly name: DependencyName;
  /** One look; a rejection means that it is away. */
  readonly check: () => Promise<unknown>;
  /** What goes on without it, in a word; ready for the first time, too. */
  readonly without?: string;
}

export interface HealthOptions {
  readonly log: Logger;
  readonly metrics: Registry;
  readonly draining: AbortSignal;
  /** Why the service is not ready, or null. Asked until it once was. */
  readonly notReady: () => Promise<string | null>;
  /** What else the body of `/readyz` says once it is ready. */
  readonly details: (() => object) | undefined;
  readonly dependencies: readonly Dependency[];
}

export interface Health {
  /** Runs before the service is ready for the first time. */
  warmUp(run: () => Promise<unknown>): void;
}

/** Often enough for a balancer and an alarm, next to nothing for the store. */
const checkEveryMs = 5000;
/** Below the time that a balancer waits for an answer. */
const checkTimeoutMs = 3000;
/** The warm-up spends the CPU quota of some periods of 100 ms, its compilers that of the next: the first caller finds it whole. */
const restMs = 500;

export function serveHealth(http: FastifyInstance, options: HealthOptions): Health {
  const { log, draining, notReady, details } = options;
  const watch = watchDependencies(options);
  http.addHook('onClose', async () => watch.close());
  let run: (() => Promise<unknown>) | null = null;
  let walking = false;
  let wasReady = false;
  const notWarm = (): string | null => {
    if (!run) return null;
    if (!walking)
      void run()
        .catch((error: Error) => log.warn({ err: error }, 'not warmed up: the first requests are slower'))
        .then(() => sleep(restMs, undefined, { ref: false }))
        .then(() => {
          run = null;
        });
    walking = true;
    return 'warming up';
  };
  const missing = async (): Promise<string | null> => {
    if (draining.aborted) return 'draining';
    if (wasReady) return null;
    await watch.look();
    const [needed] = watch.away().filter(({ without }) => without === undefined);
    if (needed) return `${needed.name} is away: ${needed.reason}`;
    return (await notReady().catch((error: Error) => error.message)) ?? notWarm();
  };

  http.get('/livez', async () => ({ status: 'ok' }));
  http.get('/readyz', async (_request, reply) => {
    const reason = await missing();
    if (reason) return reply.code(503).send({ status: 'not ready', reason });
    wasReady = true;
    const away = watch.away();
    if (away.length === 0) return { status: 'ok', ...details?.() };
    return {
      status: 'degraded',
      ...details?.(),
      away: away.map(({ name, reason, sinceMs }) => ({ name, reason, since: iso(sinceMs) })),
    };
  });
  return {
    warmUp: (first) => {
      run = first;
    },
  };
}

const iso = (ms: number) => new Date(ms).toISOString();

interface Away {
  readonly name: DependencyName;
  readonly reason: string;
  readonly sinceMs: number;
  readonly without: string | undefined;
}

/** Looks by itself, so that a health check answers at once whatever hangs. */
function watchDependencies({ dependencies, log, metrics }: HealthOptions) {
  const away = new Map<DependencyName, Away>();
  const up = new Gauge({
    name: 'dependency_up',
    help: '1 while the store or tier answers, else 0',
    labelNames: ['dependency'],
    registers: [metrics],
  });
  for (const { name } of dependencies) up.set({ dependency: name }, 1);

  const lookAt = async ({ name, check, without }: Dependency) => {
    const timeout = new AbortController();
    try {
      await Promise.race([
        check(),
        sleep(checkTimeoutMs, undefined, { signal: timeout.signal, ref: false }).then(() => {
          throw new Error(`no answer in ${checkTimeoutMs / 1000} s`);
        }),
      ]);
      if (away.delete(name)) log.info({ dependency: name }, 'no longer degraded: the dependency is back');
      up.set({ dependency: name }, 1);
    } catch (error) {
      const reason = (error as Error).message || String((error as { code?: unknown }).code);
      away.set(name, { name, reason, sinceMs: away.get(name)?.sinceMs ?? Date.now(), without });
      up.set({ dependency: name }, 0);
      // The alarm counts lines that begin so (constructs/tier/tier-alarms.ts): one per look, for as long as it lasts.
      log.warn({ dependency: name, reason }, `degraded: ${name} is away${without ? `; without it: ${without}` : ''}`);
    } finally {
      timeout.abort();
    }
  };
  let looking: Promise<unknown> | undefined;
  const look = () => {
    looking ??= Promise.all(dependencies.map(lookAt)).finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const timer = dependencies.length > 0 ? setInterval(() => void look(), checkEveryMs).unref() : undefined;
  return {
    look,
    away: () => [...away.values()],
    close: () => clearInterval(timer),
  };
}
