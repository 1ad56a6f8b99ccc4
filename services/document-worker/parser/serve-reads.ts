/** The inside of a parser child: answers one {@link ReadRequest} after the other. */
import { gzipSync } from 'node:zlib';
import type { MediaType } from '../../shared/contract/brain.ts';
import type { PageResult } from '../../shared/contract/page.ts';
import type { PackedPage } from '../../shared/storage/page-results.ts';
import type { ChildMessage, ReadRequest } from './protocol.ts';
import { type DocumentReader, failedPage, type OpenDocument, pageBytesMax, RefusedError } from './reader.ts';

/** Runs until the worker goes. A fault that is not one page's ends the process: the worker starts another. */
export function serveReads(openers: Readonly<Record<MediaType, OpenDocument>>): void {
  let current: { path: string; reader: DocumentReader } | undefined;

  const openDocument = async ({ path, mediaType }: ReadRequest) => {
    if (current?.path === path) return current.reader;
    current?.reader.close();
    current = undefined;
    const reader = await openers[mediaType](path);
    current = { path, reader };
    return reader;
  };

  const answer = async (request: ReadRequest) => {
    try {
      const reader = await openDocument(request);
      await send({ type: 'opened', pageCount: reader.pageCount });
      await sendPages(reader, request);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      await send({ type: 'refused', code: error.code, message: error.message });
    }
    await send({ type: 'done', rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20) });
  };

  let queue = Promise.resolve();
  process.on('message', (request: ReadRequest) => {
    queue = queue.then(() => answer(request));
    queue.catch(fail);
  });
  process.on('disconnect', () => process.exit(0));
  send({ type: 'ready' }).catch(fail);
}

/** Until a limit is reached. */
async function sendPages(reader: DocumentReader, { pages, bytesMax, msMax }: ReadRequest): Promise<void> {
  const present = pages.filter((page) => page <= reader.pageCount);
  const endMs = Date.now() + msMax;
  let bytes = 0;
  for await (const result of reader.read(present)) {
    const page = packPage(result);
    await send({ type: 'page', page });
    bytes += page.resultBytes;
    if (bytes >= bytesMax || Date.now() >= endMs) return;
  }
  for (const pageNumber of pages.slice(present.length)) {
    const message = `Page ${pageNumber} does not exist: the document has ${reader.pageCount}.`;
    await send({ type: 'page', page: packPage(failedPage(pageNumber, 'none', { code: 'corrupt', message })) });
  }
}

/** What is sent: its size does not depend on the page beyond {@link pageBytesMax}. */
export function packPage(page: PageResult): PackedPage {
  const json = Buffer.from(JSON.stringify(page));
  const { page_number, error, metadata } = page;
  if (json.length > pageBytesMax) {
    const message = `Page ${page_number} has ${json.length} bytes of text and boxes, allowed are ${pageBytesMax}.`;
    return packPage(failedPage(page_number, metadata.parser, { code: 'too-large', message }));
  }
  const withoutText = metadata.scanned === true;
  return { page_number, error, withoutText, packed: gzipSync(json), resultBytes: json.length };
}

/** Waits until the pipe has taken it: a slow worker slows its child instead of filling its memory. */
function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, undefined, {}, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}
