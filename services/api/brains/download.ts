/** Sends an object to a reader who may stop reading at any time. */
import { finished, type Readable, Transform } from 'node:stream';
import type { FastifyReply } from 'fastify';

/**
 * The object's bytes, to be sent as the answer's body. When the reader takes nothing for `stallMs` (or the object store
 * gives nothing), both ends are closed: a stalled reader would hold a socket to the store for ever.
 *
 * @param release called once, when the answer has ended in any way
 */
export function guarded(body: Readable, reply: FastifyReply, stallMs: number, release: () => void): Readable {
  const { raw } = reply;
  const stalled = setTimeout(() => {
    reply.log.info({ stallMs }, 'download ended: its reader took nothing');
    body.destroy();
    // The status is sent; only a connection that breaks tells that bytes are missing.
    raw.destroy();
  }, stallMs);
  const through = new Transform({
    transform: (chunk, _encoding, done) => {
      stalled.refresh();
      done(null, chunk);
    },
  });
  // Also after the last chunk: what the reader has not taken yet is held here.
  finished(raw, () => {
    clearTimeout(stalled);
    body.destroy();
    release();
  });
  body.once('error', (error) => through.destroy(error));
  return body.pipe(through);
}
