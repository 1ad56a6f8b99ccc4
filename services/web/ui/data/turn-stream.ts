/** The events of one answer, from `POST …/turns` or a resumed `GET …/turns/{t}/events`. */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { TurnEvent } from '../../../shared/contract/chat.ts';

export interface StreamedEvent {
  readonly id: string | undefined;
  readonly event: TurnEvent;
}

/** Ends when the answer does; throws when the line breaks before. */
export async function* turnStream(response: Response): AsyncGenerator<StreamedEvent> {
  if (!response.body) return;
  const reader = response.body
    // Letters may be cut at a chunk's border; the decoder joins them.
    .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array<ArrayBuffer>, string>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const { event, id, data } = next.value;
      if (event) yield { id, event: { event, data: JSON.parse(data) } as TurnEvent };
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
