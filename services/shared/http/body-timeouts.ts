/** Bodies that never end: a time for each, and for what is left of it after the answer. */
import { PassThrough } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { ProblemError } from './problem.ts';

/** 1 MiB, the largest JSON body, at 35 KiB/s. Uploads have rules of their own. */
export const bodyTimeoutMsMax = 30_000;

export function limitBodies(http: FastifyInstance, timeoutMs: number): void {
  http.addHook('preParsing', (request, reply, payload, done) => {
    const { headers } = request;
    const none = headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
    if (none || /^multipart\//i.test(headers['content-type'] ?? '')) return done(null, payload);
    const limited = new PassThrough();
    const late = new ProblemError(
      'too-slow',
      `The body had not ended after ${timeoutMs / 1000} s, which is the most. Send it again, faster.`,
    );
    const timer = setTimeout(() => limited.destroy(late), timeoutMs).unref();
    payload.once('end', () => clearTimeout(timer));
    payload.once('error', (error) => limited.destroy(error));
    // Answered without its body having been wanted: what still comes is dropped.
    reply.raw.once('close', () => {
      clearTimeout(timer);
      payload.unpipe(limited).resume();
    });
    done(null, payload.pipe(limited));
  });
  // Read and dropped for so long, so that a sender who is still sending sees the answer and not a broken connection.
  http.addHook('onResponse', async ({ raw }) => {
    // Undefined: the request was made up in this process.
    if (raw.complete !== false || !raw.socket) return;
    const { socket } = raw;
    const timer = setTimeout(() => socket.destroy(), timeoutMs).unref();
    raw.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
  });
}
