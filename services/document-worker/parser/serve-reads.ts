/** The inside of a parser child: answers one {@link ReadRequest} after the other. */
import type { MediaType } from '../../shared/contract/brain.ts';
import type { ChildMessage, ReadRequest } from './protocol.ts';
import { type DocumentReader, failedPage, type OpenDocument, RefusedError } from './reader.ts';

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
      const present = request.pages.filter((page) => page <= reader.pageCount);
      for await (const page of reader.read(present)) await send({ type: 'page', page });
      for (const pageNumber of request.pages.slice(present.length)) {
        const message = `Page ${pageNumber} does not exist: the document has ${reader.pageCount}.`;
        await send({ type: 'page', page: failedPage(pageNumber, 'none', { code: 'corrupt', message }) });
      }
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
