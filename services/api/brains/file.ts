/** `GET /v1/documents/{document}/file`: the original as it was uploaded, whole or in part. */
import { Readable } from 'node:stream';
import { routes } from '../../shared/contract/routes.ts';
import { createConcurrency } from '../../shared/http/concurrency.ts';
import { serve } from '../../shared/http/http.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import type { Api } from '../context.ts';
import { matches } from './conditional.ts';
import { findDocument } from './documents.ts';
import { guarded } from './download.ts';

export function serveFile({ app, db, store, transfers }: Api): void {
  const downloads = createConcurrency('downloads', transfers.downloads);

  serve(app, routes.getFile, async ({ identity, params, request, reply }) => {
    const document = await findDocument(db, identity.tenantId, params.document);
    const size = document.size_bytes;
    const etag = `"${document.sha256.toString('hex')}"`;
    const describe = () =>
      reply
        .type(document.media_type === 'application/pdf' ? 'application/pdf' : `${document.media_type}; charset=utf-8`)
        .headers({
          etag,
          'accept-ranges': 'bytes',
          // A document never changes, but may be deleted; nobody else may keep it.
          'cache-control': 'private, max-age=300',
          // Never shown in our origin, whatever it contains.
          'content-disposition': `attachment; filename="${ascii(document.name)}"; filename*=UTF-8''${encoded(document.name)}`,
          'x-content-type-options': 'nosniff',
          'content-security-policy': "default-src 'none'; sandbox",
        });
    if (matches(request.headers['if-none-match'], etag)) return describe().code(304).send();
    // A range means nothing there (RFC 9110, 14.2), and nothing is read.
    if (request.method === 'HEAD') return describe().header('content-length', size).send(Readable.from([]));

    const ifRange = request.headers['if-range'];
    const range = ifRange && ifRange !== etag ? null : parseRange(request.headers.range, size);
    if (range === 'unsatisfiable') {
      reply.header('content-range', `bytes */${size}`);
      throw new ProblemError('bad-range', `The Range is '${request.headers.range}'; the file has ${size} bytes.`);
    }
    const release = downloads.take(identity);
    try {
      const body = await store.get(document.object_key, range ?? undefined);
      describe().header('content-length', range ? range.end - range.start + 1 : size);
      if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${size}`);
      return reply.send(guarded(body, reply, transfers.downloads.stallMs, release));
    } catch (error) {
      release();
      throw error;
    }
  });
}

/**
 * One range of bytes (RFC 9110, 14.1.2). Null: send the whole; what is not understood, several ranges included, is
 * ignored, as the RFC allows.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return null;
  if (first === '') {
    const length = Number(last);
    return length === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(0, size - length), end: size - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return null;
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
}

const ascii = (name: string) => name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
/** RFC 8187: encodeURIComponent leaves four characters that are not allowed there. */
const encoded = (name: string) =>
  encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
