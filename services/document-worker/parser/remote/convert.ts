/** From a provider's answer to page results, inside a parser child. */
import type { ConvertRequest, RemoteFormat } from '../protocol.ts';
import type { ReadPage } from '../reader.ts';
import { emptyPage, type ReadAnswer, type RemotePage, toPageResult, UnusableAnswerError } from './blocks.ts';
import { readDocling } from './docling.ts';
import { readUnstructured } from './unstructured.ts';

const formats: Readonly<Record<RemoteFormat, ReadAnswer>> = { docling: readDocling, unstructured: readUnstructured };

/** One result per page that was sent, in their order. @throws UnusableAnswerError */
export function* convertAnswer({ convert, answer, frames, images, tables }: ConvertRequest): Generator<ReadPage> {
  const pages = formats[convert](parse(answer));
  for (const [index, frame] of frames.entries())
    yield toPageResult(convert, frame, pages.get(index + 1) ?? unnamed[convert], { images, tables });
}

/** What it means that an answer says nothing of a page: Unstructured has no element of an empty one. */
const unnamed: Readonly<Record<RemoteFormat, RemotePage | undefined>> = {
  docling: undefined,
  unstructured: emptyPage(0, 0),
};

function parse(answer: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(answer.buffer, answer.byteOffset, answer.length).toString('utf8'));
  } catch {
    throw new UnusableAnswerError(`The answer of ${answer.length} bytes is no JSON.`);
  }
}
