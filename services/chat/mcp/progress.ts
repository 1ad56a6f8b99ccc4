/** Progress of an answer, for a client that asked for it with a progress token. */
import type { ServerNotification } from '@modelcontextprotocol/sdk/types.js';
import type { AnswerPart } from '../answering/answerer.ts';

export interface ProgressTo {
  readonly _meta?: { readonly progressToken?: string | number | undefined } | undefined;
  readonly sendNotification: (notification: ServerNotification) => Promise<void>;
}

/** Below what a person sees as standing still; each one is a message. */
const everyMs = 500;

/** The parts as they come; on the way it says that it searches, what was found, and how much is written. */
export async function* withProgress(
  parts: AsyncIterable<AnswerPart>,
  { _meta, sendNotification }: ProgressTo,
): AsyncGenerator<AnswerPart> {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return yield* parts;
  const tell = (progress: number, message: string) =>
    // Whoever has gone is noticed by the request itself.
    sendNotification({ method: 'notifications/progress', params: { progressToken, progress, message } }).catch(
      () => {},
    );
  await tell(1, 'Searching');
  let step = 1;
  let characters = 0;
  let toldMs = 0;
  for await (const part of parts) {
    if ('found' in part) {
      step += 1;
      await tell(step, `Passages found: ${part.found}`);
    }
    if ('text' in part) {
      characters += part.text.length;
      if (performance.now() - toldMs >= everyMs) {
        step += 1;
        toldMs = performance.now();
        await tell(step, `Answering: ${characters} characters`);
      }
    }
    yield part;
  }
}

/** A call that asks for progress is answered by a stream, any other one by its result alone. */
export function asksForProgress(body: Readonly<Record<string, unknown>>): boolean {
  const { _meta } = (body.params ?? {}) as { _meta?: { progressToken?: unknown } | null };
  return _meta?.progressToken !== undefined;
}
