/**
 * The local stand-in for the load balancer: the route table of the manifest, least outstanding requests among a tier's
 * replicas, bytes streamed both ways as they come.
 *
 * Plain node:http on purpose. An event stream must end at the tier the moment its reader is gone, also before the first
 * byte of the answer; @fastify/http-proxy notices that only when the answer begins.
 */
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { ServiceName } from '../../services/manifest.ts';
import { routeOwner } from '../../services/route-table.ts';
import { leastOutstanding, type Replica } from './balance.ts';
import { answerHeaders, forwardHeaders } from './forward-headers.ts';
import { sendProblem } from './router-problem.ts';

export interface Router {
  readonly port: number;
  /** Takes no new connections; requests under way go on. */
  stopAccepting(): void;
  /** After the tiers have ended: what is still being sent gets a moment, then every connection is closed. */
  close(): Promise<void>;
}

export interface RouterOptions {
  /** Address to listen on. @default loopback, by both of its addresses */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
  /** The replicas of a tier as they are now. */
  readonly replicas: (owner: ServiceName) => readonly Replica[];
  /** Which tier answers a path. @default the manifest's route table */
  readonly owner?: (path: string) => ServiceName | undefined;
  /** Where people reach it: with a proxy before it that adds https, the tiers are told so. @default over http */
  readonly publicUrl?: string;
}

/**
 * How long connections lie idle here, in ms. Towards tiers: shorter than they keep them, so that none is used as it
 * closes. Towards who comes in: longer than a proxy that adds https keeps them (nginx 60 s, Caddy 120 s).
 */
export const routerIdleMs = { upstream: 30_000, server: 150_000 } as const;

/** @throws NodeJS.ErrnoException `EADDRINUSE` when the port is taken */
export async function openRouter(options: RouterOptions): Promise<Router> {
  const { host, port, replicas, owner = routeOwner, publicUrl } = options;
  const scheme = publicUrl?.startsWith('https:') ? 'https' : 'http';
  const agent = new Agent({ keepAlive: true, timeout: routerIdleMs.upstream, maxSockets: Number.POSITIVE_INFINITY });
  const server = createServer((request, response) => {
    const name = owner(pathOf(request.url));
    if (name === undefined) return sendProblem(response, 404, 'not-found', 'no tier answers this path');
    const replica = leastOutstanding(replicas(name));
    if (replica === undefined)
      return sendProblem(response, 503, 'tier-down', `the ${name} tier is not running at the moment`);
    forward(request, response, { replica, name, agent, scheme });
  });
  // Uploads and answers take as long as they take; the tiers own their limits. Headers must come at once.
  server.requestTimeout = 0;
  server.keepAliveTimeout = routerIdleMs.server;
  server.headersTimeout = 20_000;
  // `localhost` and not 127.0.0.1 in the browser's bar: both of its addresses must answer, and nothing but loopback.
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host ?? '127.0.0.1', resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address ? address.port : port;
  const second = createServer((request, response) => server.emit('request', request, response));
  second.requestTimeout = 0;
  second.keepAliveTimeout = routerIdleMs.server;
  if (host === undefined)
    await new Promise<void>((resolve) => {
      // A machine without IPv6, or the port taken there alone: browsers then use 127.0.0.1.
      second.once('error', () => resolve()).listen(bound, '::1', () => resolve());
    });
  const listening = [server, second].filter((each) => each.listening);
  let closed: Promise<unknown> | undefined;
  const stopAccepting = () => {
    // A tier that drains would wait for its kept connections to time out.
    agent.maxFreeSockets = 0;
    closed ??= Promise.all(listening.map((each) => new Promise<void>((resolve) => each.close(() => resolve()))));
  };
  return {
    port: bound,
    stopAccepting,
    close: async () => {
      stopAccepting();
      for (const each of listening) each.closeIdleConnections();
      const timer = setTimeout(() => {
        for (const each of listening) each.closeAllConnections();
      }, lastBytesMs);
      await closed;
      clearTimeout(timer);
      agent.destroy();
    },
  };
}

/** As in the tiers: a sender who is still sending sees the answer and not a broken connection. */
const restOfBodyMs = 30_000;

/** For the last bytes of answers to slow readers; their tiers are gone already. */
const lastBytesMs = 2000;

interface Upstream {
  readonly replica: Replica;
  readonly name: ServiceName;
  readonly agent: Agent;
  readonly scheme: 'http' | 'https';
}

function forward(request: IncomingMessage, response: ServerResponse, { replica, name, agent, scheme }: Upstream): void {
  replica.outstanding++;
  let counted = true;
  const upstream = httpRequest({
    host: replica.host ?? '127.0.0.1',
    port: replica.port,
    method: request.method,
    path: request.url,
    headers: forwardHeaders(request, scheme),
    agent,
  });
  upstream.setNoDelay(true);
  upstream.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answerHeaders(answer.headers));
    // Sent at once: an event stream may stay silent for a while after its head.
    response.flushHeaders();
    pipeline(answer, response, () => {});
  });
  upstream.on('error', (error: NodeJS.ErrnoException) => {
    if (response.headersSent) response.destroy();
    else sendProblem(response, 502, 'tier-unreachable', `the ${name} tier did not answer (${error.code ?? 'aborted'})`);
  });
  // However it ends, also when the reader leaves: the tier sees it at once and stops working for nobody.
  response.once('close', () => {
    if (counted) replica.outstanding--;
    counted = false;
    if (!response.writableFinished) upstream.destroy();
  });
  request.on('error', () => upstream.destroy());
  // Answered before its body had ended: the rest is dropped for a while, then nobody waits for it.
  response.once('finish', () => {
    if (request.complete) return;
    const timer = setTimeout(() => request.socket.destroy(), restOfBodyMs).unref();
    request.once('close', () => clearTimeout(timer));
  });
  request.pipe(upstream);
}

function pathOf(url = '/'): string {
  return url.split('?', 1)[0] ?? '/';
}
