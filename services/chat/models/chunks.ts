/**
 * The chunks of a streamed completion. Not read by the client: its reader leaves the answer at `[DONE]`, before its end, so
 * that the connection is lost and the next question opens another one, TLS included.
 */
import { createParser } from 'eventsource-parser';
import type { OpenAI } from 'openai';

export type Chunk = OpenAI.ChatCompletionChunk;

export interface Chunks {
  /** Null at the end. @throws what the endpoint says in its stream, or what became of the connection */
  next(): Promise<Chunk | null>;
}

/** An endpoint ends its answer with `[DONE]`, or with the packet after it. One that does not loses its connection. */
const restMs = 1000;
/** Of one chunk: a whole answer is smaller. */
const chunkCharactersMax = 1024 * 1024;

/** @param open called by the first {@link Chunks.next} */
export function readChunks(open: () => Promise<Response>): Chunks {
  const ready: (Chunk | Error)[] = [];
  const decoder = new TextDecoder();
  let reader: ReadableStreamDefaultReader<Uint8Array> | null | undefined;
  let ended = false;
  const parser = createParser({
    maxBufferSize: chunkCharactersMax,
    onEvent: ({ event, data }) => {
      if (ended) return;
      if (data === '[DONE]') ended = true;
      else ready.push(parse(event, data));
    },
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') ready.push(error);
    },
  });

  return {
    next: async () => {
      if (reader === undefined) reader = (await open()).body?.getReader() ?? null;
      for (;;) {
        const next = ready.shift();
        if (next instanceof Error) throw next;
        if (next) return next;
        if (ended || !reader) return null;
        const { value, done } = await reader.read();
        if (done) return null;
        parser.feed(decoder.decode(value, { stream: true }));
        if (ended) void readToItsEnd(reader);
      }
    },
  };
}

function parse(event: string | undefined, data: string): Chunk | Error {
  try {
    const parsed = JSON.parse(data);
    const error = event === 'error' ? (parsed.error ?? parsed) : parsed.error;
    return error ? new Error(String(error.message ?? JSON.stringify(error))) : parsed;
  } catch (cause) {
    return new Error('what it sent is no JSON', { cause });
  }
}

async function readToItsEnd(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const tooLong = setTimeout(() => void reader.cancel().catch(() => {}), restMs);
  try {
    while (!(await reader.read()).done);
  } catch {
    // Nobody waits for it any more.
  } finally {
    clearTimeout(tooLong);
  }
}
