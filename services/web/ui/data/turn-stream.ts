/** The events of one answer, from `POST …/turns` or a resumed `GET …/turns/{t}/events`. */
import type { TurnEvent } from '../../../shared/contract/chat.ts';
import { eventStream } from './event-stream.ts';

export interface StreamedEvent {
  readonly id: string | undefined;
  readonly event: TurnEvent;
}

/** Ends and throws as {@link eventStream} does. */
export async function* turnStream(response: Response, line?: AbortController): AsyncGenerator<StreamedEvent> {
  for await (const { id, event, data } of eventStream(response, line))
    if (event) yield { id, event: { event, data: JSON.parse(data) } as TurnEvent };
}
