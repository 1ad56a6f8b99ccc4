/** The inside of a parser child: answers one {@link ChildRequest} after the other. */
import { gzipSync } from 'node:zlib';
import type { MediaType } from '../../shared/contract/brain.ts';
import type { PageResult } from '../../shared/contract/page.ts';
import type { PackedPage } from '../../shared/storage/page-results.ts';
import type { ChildMessage, ChildRequest, ConvertRequest, CutRequest, DocumentFile, ReadRequest } from './protocol.ts';
import {
  type DocumentReader,
  failedPage,
  type OpenDocument,
  pageBytesMax,
  type ReadPage,
  RefusedError,
} from './reader.ts';
import { UnusableAnswerError } from './remote/blocks.ts';

/** Runs until the worker goes. A fault that is not one page's ends the process: the worker starts another. */
export function serveReads(
  openers: Readonly<Record<MediaType, OpenDocument>>,
  convert: (request: ConvertRequest) => Iterable<ReadPage>,
): void {
  let current: { path: string; reader: DocumentReader } | undefined;

  const openDocument = async ({ path, mediaType }: DocumentFile) => {
    if (current?.path === path) return current.reader;
    current?.reader.close();
    current = undefined;
    const reader = await openers[mediaType](path);
    current = { path, reader };
    return reader;
  };

  const work = async (request: ChildRequest) => {
    if ('convert' in request) {
      for (const page of convert(request)) await send({ type: 'page', page: pack(page) });
      return;
    }
    const reader = await openDocument(request);
    await send({ type: 'opened', pageCount: reader.pageCount });
    if ('cut' in request) await send({ type: 'part', part: cutPart(reader, request) });
    else await sendPages(reader, request);
  };

  const answer = async (request: ChildRequest) => {
    try {
      await work(request);
    } catch (error) {
      if (error instanceof RefusedError) await send({ type: 'refused', code: error.code, message: error.message });
      else if (error instanceof UnusableAnswerError) await send({ type: 'unusable', message: error.message });
      else throw error;
    }
    await send({ type: 'done', rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20) });
  };

  let queue = Promise.resolve();
  process.on('message', (request: ChildRequest) => {
    queue = queue.then(() => answer(request));
    queue.catch(fail);
  });
  process.on('disconnect', () => process.exit(0));
  send({ type: 'ready' }).catch(fail);
}

/** Until a limit is reached. */
async function sendPages(
  reader: DocumentReader,
  { pages, bytesMax, msMax, images = false, tables = false }: ReadRequest,
): Promise<void> {
  const present = pages.filter((page) => page <= reader.pageCount);
  const endMs = performance.now() + msMax;
  let bytes = 0;
  for await (const read of reader.read(present, images)) {
    // No reader here finds any.
    if (tables) read.result.tables.status = 'unsupported';
    const page = pack(read);
    await send({ type: 'page', page });
    bytes += page.resultBytes + (page.images?.length ?? 0);
    if (bytes >= bytesMax || performance.now() >= endMs) return;
  }
  for (const pageNumber of pages.slice(present.length)) {
    const message = `Page ${pageNumber} does not exist: the document has ${reader.pageCount}.`;
    await send({ type: 'page', page: packPage(failedPage(pageNumber, 'none', { code: 'corrupt', message })) });
  }
}

function cutPart(reader: DocumentReader, { cut, bytesMax }: CutRequest) {
  if (!reader.cut) throw new Error('a document of this type has no parts');
  return reader.cut(cut, bytesMax);
}

const pack = ({ result, images }: ReadPage): PackedPage => {
  const page = packPage(result);
  return page.error || images.length === 0 ? page : { ...page, images };
};

/** The fastest: of a page of prose it leaves 3 % more than the default does, in a third of the time. */
const packingLevel = 1;

/** What is sent: its size does not depend on the page beyond {@link pageBytesMax}. */
export function packPage(page: PageResult): PackedPage {
  const json = Buffer.from(JSON.stringify(page));
  const { page_number, error, metadata } = page;
  if (json.length > pageBytesMax) {
    const message = `Page ${page_number} has ${json.length} bytes of text and boxes, allowed are ${pageBytesMax}.`;
    return packPage(failedPage(page_number, metadata.parser, { code: 'too-large', message }));
  }
  const withoutText = metadata.scanned === true;
  return { page_number, error, withoutText, packed: gzipSync(json, { level: packingLevel }), resultBytes: json.length };
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
