/** `GET …/pages/{page}/images/{image}`: a picture as the parser found it. */
import { Readable } from 'node:stream';
import type { PageResult } from '../../shared/contract/page.ts';
import { routes } from '../../shared/contract/routes.ts';
import { createConcurrency } from '../../shared/http/concurrency.ts';
import { serve } from '../../shared/http/http.ts';
import { notFound } from '../../shared/http/problem.ts';
import type { Api } from '../context.ts';
import { matches } from './conditional.ts';
import { findDocument } from './documents.ts';
import { guarded } from './download.ts';
import { readPages } from './page-results.ts';

export function servePageImages({ app, db, store, transfers }: Api): void {
  const downloads = createConcurrency('downloads', transfers.downloads);

  serve(app, routes.getPageImage, async ({ identity, params, request, reply }) => {
    const document = await findDocument(db, identity.tenantId, params.document);
    const row = await db
      .selectFrom('pages')
      .selectAll()
      .where('document_id', '=', document.id)
      .where('page_number', '=', params.page)
      .executeTakeFirst();
    const [json] = row && row.images_offset !== null ? await readPages(store, [row]) : [];
    const { stored } = (json && (JSON.parse(json.toString('utf8')) as PageResult).images[params.image]) ?? {};
    if (!row || row.images_offset === null || !stored)
      throw notFound('picture', `${params.image} of page ${params.page} of document ${document.id} with bytes`);
    // Read again, a page stands in another object.
    const etag = `"${row.epoch}-${params.page}-${params.image}"`;
    reply.type(stored.media_type).headers({
      etag,
      'cache-control': 'private, max-age=300',
      'x-content-type-options': 'nosniff',
      // Never shown in our origin, whatever it contains.
      'content-disposition': 'attachment',
      'content-security-policy': "default-src 'none'; sandbox",
    });
    if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
    reply.header('content-length', stored.bytes);
    if (request.method === 'HEAD') return reply.send(Readable.from([]));
    const release = downloads.take(identity);
    try {
      const start = row.images_offset + stored.offset;
      const body = await store.get(row.object_key, { start, end: start + stored.bytes - 1 });
      return reply.send(guarded(body, reply, transfers.downloads.stallMs, release));
    } catch (error) {
      release();
      throw error;
    }
  });
}
