/** What the public may see of a server, whatever stands before it. */
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { noRoute, ProblemError } from './http/problem.ts';

/** What tells operators about a service. */
export const operatorPaths: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics']);

/** Browsers come by https alone for a year (RFC 6797). Not for other names below this one, which may be somebody else's. */
const hsts = 'max-age=31536000';

export function hidePrivateParts(http: FastifyInstance, publicUrl: string): void {
  const https = publicUrl.startsWith('https:');
  http.addHook('onRequest', async (request, reply) => {
    if (https || request.protocol === 'https') reply.header('strict-transport-security', hsts);
    // Routers and balancers say for whom they ask; health checks and scrapers come by themselves.
    if (operatorPaths.has(request.routeOptions.url ?? '') && request.headers['x-forwarded-for'] !== undefined)
      throw noRoute(request);
  });
}

/** What is no HTTP at all is told in the same words as every other fault. */
export function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const problem = late
    ? new ProblemError('too-slow', 'The head of the request came too slowly.')
    : new ProblemError('bad-request', `The request cannot be read: ${error.code ?? error.message}.`);
  const body = JSON.stringify(problem.toProblem());
  socket.end(
    `HTTP/1.1 ${problem.status} ${late ? 'Request Timeout' : 'Bad Request'}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
