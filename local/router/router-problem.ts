/** Answers of the router itself, in the form of every other error (RFC 9457). */
import type { ServerResponse } from 'node:http';

/** A tier that was killed is back within a few seconds. */
const retryAfterSeconds = 2;

const titles = { 404: 'Not found', 502: 'Bad gateway', 503: 'Service unavailable' } as const;

export function sendProblem(response: ServerResponse, status: keyof typeof titles, code: string, detail: string): void {
  const body = JSON.stringify({ type: 'about:blank', title: titles[status], status, code, detail });
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(status !== 404 && { 'retry-after': String(retryAfterSeconds) }),
    // The request's body may still be on its way; it is not read.
    connection: 'close',
  });
  response.end(body);
}
