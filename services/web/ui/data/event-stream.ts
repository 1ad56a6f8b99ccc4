/** Server-sent events. A line can die without a word, in a network that was left or a router that forgot it: silence ends it, too. */
import { type EventSourceMessage, EventSourceParserStream } from 'eventsource-parser/stream';

/** The service is heard from every 15 s, if only by a heartbeat: two of them are missing, with room for a slow network. */
const silenceMsMax = 40_000;

/** Ends when the answer does; throws when the line breaks before, is silent for too long, or is aborted. */
export async function* eventStream(
  { body }: Response,
  line = new AbortController(),
): AsyncGenerator<EventSourceMessage> {
  if (!body) return;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => line.abort(), silenceMsMax);
  };
  const reader = body
    .pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        start: heard,
        transform: (chunk, controller) => {
          heard();
          controller.enqueue(chunk);
        },
      }),
      { signal: line.signal },
    )
    // Letters may be cut at a chunk's border; the decoder joins them.
    .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array<ArrayBuffer>, string>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => undefined);
  }
}
