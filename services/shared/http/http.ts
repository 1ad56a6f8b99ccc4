/**
 * The HTTP server of every service: problem+json errors, health, metrics, limits, drain; and {@link serve}, which
 * registers a handler for a route of the contract with its schemas and its access rule.
 */
import type { Socket } from 'node:net';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { uuidv7 } from 'uuidv7';
import type { z } from 'zod';
import { type Authenticate, authorize, type Identity } from '../auth/identity.ts';
import type { Route } from '../contract/routes.ts';
import type { Logger } from '../log.ts';
import { hidePrivateParts, operatorPaths, refuseUnreadable } from '../public-only.ts';
import { visitor } from '../warm-up/self-request.ts';
import { bodyTimeoutMsMax, limitBodies } from './body-timeouts.ts';
import { type Dependency, serveHealth } from './health.ts';
import { callerGone } from './on-close.ts';
import { noRoute, pathOf } from './problem.ts';
import { sendProblem, toProblemError } from './send-problem.ts';

export interface AppOptions {
  readonly log: Logger;
  /** Why the service is not ready, or null. Asked by `/readyz` until it once was; ready means warm. */
  readonly notReady: () => Promise<string | null>;
  /** What else the body of `/readyz` says once it is ready. */
  readonly details?: () => object;
  /** Seen once before it is ready; later their absence makes it degraded. @default none */
  readonly dependencies?: readonly Dependency[];
  /** Absent in services without public routes. */
  readonly authenticate?: Authenticate;
  /** How long a body other than an upload may take. @default 30 s */
  readonly bodyTimeoutMs?: number;
  /** How long an answer may be silent before its first byte. Connections on which nothing moves outlast it. @default 100 s */
  readonly answerMsMax?: number;
  /** Where people reach the service. @default not known: each request says by which protocol it came */
  readonly publicUrl?: string;
}

export interface App {
  readonly http: FastifyInstance;
  readonly metrics: Registry;
  /** Requests since the start; those of balancers and of whoever collects metrics are not counted. */
  readonly answered: () => number;
  /** Aborts when the service is told to stop: long streams end then. */
  readonly stopping: AbortSignal;
  /**
   * Ready means warm: once nothing else is missing `run` is called, and `/readyz` refuses until it has ended. A fault leaves
   * the service cold, not dead.
   */
  warmUp(run: () => Promise<unknown>): void;
  /** From now on `/readyz` refuses and {@link stopping} is aborted. */
  drain(): void;
}

/** Of JSON from callers who are known; uploads and vectors have limits of their own. */
export const bodyBytesMax = 1024 * 1024;
/** Of JSON from anybody: an address and a password, or a link, are small. */
const openBodyBytesMax = 16 * 1024;
/** Slow senders of heads hold a socket no longer than this and one look more. */
const headTimeoutMs = 20_000;
/** Node looks every 30 s otherwise. */
const headsLookedAtEveryMs = 5000;
/** Of an answer, by default. */
const answerMsDefault = 100_000;
/** A connection on which nothing moves so much longer than an answer may be silent: its reader takes nothing. */
const silenceReserveMs = 80_000;
/** Whose machine vanished while their answer was waited for is found so, within 10 s more: what they hold is given back. */
const keepAliveMs = 15_000;

export function createApp({
  log,
  notReady,
  details,
  dependencies = [],
  authenticate,
  bodyTimeoutMs = bodyTimeoutMsMax,
  answerMsMax = answerMsDefault,
  publicUrl = '',
}: AppOptions): App {
  const http = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    genReqId: () => uuidv7(),
    bodyLimit: openBodyBytesMax,
    // Each kind of body has a time of its own (body-timeouts.ts).
    requestTimeout: 0,
    connectionTimeout: answerMsMax + silenceReserveMs,
    http: { keepAlive: true, keepAliveInitialDelay: keepAliveMs, connectionsCheckingInterval: headsLookedAtEveryMs },
    // The router or balancer in front is the only one who may say where a request came from.
    trustProxy: (_address: string, hop: number) => hop < 1,
    // One line per answer, written below.
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => sendProblem(reply, toProblemError(error, request as FastifyRequest)),
    clientErrorHandler: refuseUnreadable,
  });
  http.server.headersTimeout = headTimeoutMs;
  http.setValidatorCompiler(validatorCompiler);
  http.setSerializerCompiler(serializerCompiler);
  http.decorateRequest('identity', null);

  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to the end of the answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [metrics],
  });
  const drain = new AbortController();
  let answered = 0;

  endUnusedConnections(http, drain.signal);
  // Nobody wants the body of what goes nowhere.
  http.addHook('preParsing', async (request) => {
    if (request.is404) throw noRoute(request);
  });
  limitBodies(http, bodyTimeoutMs);
  hidePrivateParts(http, publicUrl);
  http.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    durations.labels(request.method, route, String(reply.statusCode)).observe(reply.elapsedTime / 1000);
    if (operatorPaths.has(route)) return;
    answered += 1;
    request.log.info(
      {
        method: request.method,
        url: pathOf(request),
        status: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime),
        tenantId: request.identity?.tenantId,
        // Nobody asked but the service itself.
        ...(request.headers['user-agent'] === visitor && { warmingUp: true }),
      },
      'answered',
    );
  });
  http.setErrorHandler((error, request, reply) => sendProblem(reply, toProblemError(error, request)));
  http.setNotFoundHandler((request, reply) => sendProblem(reply, noRoute(request)));

  const health = serveHealth(http, { log, metrics, notReady, details, dependencies, draining: drain.signal });
  http.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));

  if (authenticate)
    // Before the body is read: a stranger must not fill the memory.
    http.addHook('onRequest', async (request, reply) => {
      const { access } = request.routeOptions.config as { access?: Route['access'] };
      if (!access || access === 'public') return;
      request.identity = authorize(await authenticate(request), access);
      // Whoever left meanwhile sends no body, and their call would not end.
      if (reply.raw.destroyed) throw callerGone();
    });

  return {
    http,
    metrics,
    answered: () => answered,
    stopping: drain.signal,
    drain: () => drain.abort(),
    warmUp: health.warmUp,
  };
}

/** Node closes idle connections once, when the server closes; these two kinds would hold it up for a minute. */
function endUnusedConnections(http: FastifyInstance, stopping: AbortSignal): void {
  // Opened ahead by a client or balancer, and never used.
  const unused = new Set<Socket>();
  http.server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  http.server.on('request', ({ socket }) => unused.delete(socket));
  http.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy();
  });
  // Idle since a stream ended that was still open when the server closed.
  http.addHook('onResponse', async () => {
    if (stopping.aborted) setImmediate(() => http.server.closeIdleConnections());
  });
}

declare module 'fastify' {
  interface FastifyRequest {
    identity: Identity | null;
  }
}

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;
type Answers<R extends Route> = R['responses'][keyof R['responses']];

export interface Call<R extends Route> {
  readonly params: R extends { params: infer S } ? Parsed<S> : undefined;
  readonly query: R extends { query: infer S } ? Parsed<S> : undefined;
  readonly body: R extends { body: infer S } ? Parsed<S> : undefined;
  /** Null only on public routes. */
  readonly identity: R['access'] extends 'public' ? null : Identity;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}
/** Returns the body of the answer; `reply.code()` chooses among several statuses. Streams and files: returns the reply. */
export type Handler<R extends Route> = (call: Call<R>) => Promise<z.input<Answers<R> & z.ZodType> | FastifyReply>;

/** Registers a handler for a route of the contract. */
export function serve<R extends Route>(app: App, route: R, handler: Handler<R>): void {
  const statuses = Object.keys(route.responses).map(Number);
  const json = route.format !== 'stream' && route.format !== 'bytes';
  app.http.route({
    method: route.method,
    url: fastifyPath(route.path),
    // A stream has no head worth a stream.
    exposeHeadRoute: route.method === 'GET' && route.format !== 'stream',
    config: { access: route.access, errors: route.errors },
    ...(route.access !== 'public' && { bodyLimit: bodyBytesMax }),
    schema: {
      ...(route.params && { params: route.params }),
      ...(route.query && { querystring: route.query }),
      ...(route.body && { body: route.body }),
      ...(json && { response: route.responses }),
    },
    handler: async (request, reply) => {
      if (json) reply.code(statuses[0] as number);
      const { params, query, body, identity } = request;
      return handler({ params, query, body, identity, request, reply } as unknown as Call<R>);
    },
  });
}

/** `/v1/jobs/{job}:cancel` as find-my-way writes it: `/v1/jobs/:job([^:/]+)::cancel`. A model's id has a colon: `brain:…`. */
export function fastifyPath(path: string): string {
  return path
    .replaceAll(':', '::')
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => `:${name}(${name === 'model' ? '[^/]+' : '[^:/]+'})`);
}

/** The settings of every service that say where it listens and how long it waits. */
export interface ListenSettings {
  readonly HOST: string;
  readonly PORT: number;
  readonly STOP_TIMEOUT_MS: number;
  readonly KEEP_ALIVE_TIMEOUT_MS: number;
}

/**
 * Listens, and on SIGTERM or SIGINT drains: `/readyz` refuses, requests under way end, `close` runs; after
 * `STOP_TIMEOUT_MS` the process ends as it is. A closed IPC channel counts as SIGTERM: whoever started it is gone.
 */
export async function listen(app: App, at: ListenSettings, close: () => Promise<void>): Promise<void> {
  const { log } = app.http;
  app.http.server.keepAliveTimeout = at.KEEP_ALIVE_TIMEOUT_MS;
  await app.http.listen({ host: at.HOST, port: at.PORT });
  let stopped = false;
  const stop = async (reason: string) => {
    if (stopped) return;
    stopped = true;
    log.info({ reason }, 'draining');
    setTimeout(() => {
      log.error({ stopTimeoutMs: at.STOP_TIMEOUT_MS }, 'not drained in time');
      process.exit(1);
    }, at.STOP_TIMEOUT_MS).unref();
    app.drain();
    await app.http.close();
    await close();
    log.info('stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  if (process.channel) process.on('disconnect', () => void stop('parent gone'));
}
