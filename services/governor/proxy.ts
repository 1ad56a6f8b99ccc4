/**
 * Proxy: an HTTP request with a body takes a slot for as long as it is under way; others, as the list of models, pass. What
 * passes is not looked at, in neither direction.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { governorTokenHeader } from '../shared/contract/common.ts';
import type { App } from '../shared/http/http.ts';
import { ProblemError, yieldError } from '../shared/http/problem.ts';
import type { Gate, Outcome } from './gate.ts';

export interface ProxyOptions {
  readonly gate: Gate;
  readonly backendUrl: string;
  /** Empty: none is asked for, and `Authorization` passes. */
  readonly token: string;
  readonly jobTimeoutMs: number;
}

/** Of one connection, not of what is sent over it. */
const hopByHop = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export function serveProxy({ http }: App, options: ProxyOptions): void {
  http.removeAllContentTypeParsers();
  http.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  http.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/*',
    exposeHeadRoute: false,
    // As clients of OpenAI's API read them.
    config: { errors: 'openai' },
    handler: (request, reply) => handle(options, request, reply),
  });
}

async function handle(options: ProxyOptions, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { gate, token } = options;
  if (token && request.headers[governorTokenHeader] !== token && request.headers.authorization !== `Bearer ${token}`)
    throw new ProblemError(
      'unauthorized',
      `Send the governor's token as 'Authorization: Bearer …', or as '${governorTokenHeader}' beside the backend's own.`,
    );
  if (request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS')
    return forward(options, request, reply, () => {});
  const slot = await gate.take(String(request.headers['x-governor-tenant'] ?? ''));
  if ('retryHintMs' in slot)
    throw yieldError(`All ${gate.max} requests that go on at a time are under way.`, slot.retryHintMs);
  return forward(options, request, reply, slot.end);
}

async function forward(
  { backendUrl, token, jobTimeoutMs }: ProxyOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  end: (outcome: Outcome) => void,
): Promise<FastifyReply> {
  const { protocol, hostname, port } = new URL(backendUrl);
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(
      ([name, value]) =>
        !hopByHop.has(name) && !(token && (name === governorTokenHeader || value === `Bearer ${token}`)),
    ),
  );
  // Whichever comes first; later ones change nothing.
  const upstream = send({
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port,
    method: request.method,
    path: request.raw.url,
    headers,
    // As backend.ts has it.
    agent: false,
    signal: AbortSignal.timeout(jobTimeoutMs),
  });
  reply.raw.once('close', () => {
    end(reply.raw.writableFinished && !failed ? 'completed' : 'cancelled');
    upstream.destroy();
  });
  let failed = false;
  const body = request.body as Readable | undefined;
  try {
    if (reply.raw.destroyed) throw new Error('the caller has left');
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      upstream.once('response', resolve);
      upstream.once('error', reject);
      body?.once('error', reject);
      if (body) body.pipe(upstream);
      else upstream.end();
    });
    // It may still end with it; then the caller's own connection is cut.
    upstream.on('error', () => end('failed'));
    response.once('error', () => end('failed'));
    reply.code(response.statusCode ?? 502);
    for (const [name, value] of Object.entries(response.headers))
      if (value !== undefined && !hopByHop.has(name)) reply.header(name, value);
    return reply.send(response);
  } catch (error) {
    failed = true;
    upstream.destroy();
    end(reply.raw.destroyed || error instanceof ProblemError ? 'cancelled' : 'failed');
    if (error instanceof ProblemError) throw error;
    throw new ProblemError(
      'model-failed',
      `The backend does not answer: ${(error as NodeJS.ErrnoException).code ?? (error as Error).name}.`,
    );
  }
}
