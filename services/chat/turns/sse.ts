/** Server-sent events on an answer: heartbeats, and no more in memory than one event per slow reader. */
import { once } from 'node:events';
import type { FastifyReply } from 'fastify';
import { onClose } from '../../shared/http/on-close.ts';

export interface EventStream {
  /** Aborts when the reader is gone, or has not read for a minute. */
  readonly signal: AbortSignal;
  /** Waits until the reader has room. */
  send(event: { readonly event?: string; readonly id?: number; readonly json: string }): Promise<void>;
  end(): void;
}

/** Below the idle timeouts of common proxies and balancers (60 s). */
const heartbeatMs = 15_000;
/** A reader that takes nothing for so long has gone without saying so. */
const stalledMsMax = 60_000;

export interface EventStreamOptions {
  /** @default 15000 */
  readonly heartbeatEveryMs?: number;
  /** A reader who takes nothing of what waits for so long is let go. @default 60000 */
  readonly stalledMs?: number;
}

/** Starts the answer. Headers set on the reply before are sent. */
export function openEventStream(reply: FastifyReply, options: EventStreamOptions = {}): EventStream {
  const { heartbeatEveryMs = heartbeatMs, stalledMs = stalledMsMax } = options;
  const gone = new AbortController();
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // nginx and its kin would collect the stream before passing it on.
    'x-accel-buffering': 'no',
  });
  raw.flushHeaders();
  raw.on('error', () => gone.abort());
  const heartbeat = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(':\n\n');
  }, heartbeatEveryMs);
  // Also of a reader who left before: an answer without a connection has no room, and never will.
  onClose(raw, () => {
    clearInterval(heartbeat);
    gone.abort();
  });

  return {
    signal: gone.signal,
    send: async ({ event, id, json }) => {
      if (gone.signal.aborted) return;
      const lines = [event && `event: ${event}`, id !== undefined && `id: ${id}`, `data: ${json}`].filter(Boolean);
      if (raw.write(`${lines.join('\n')}\n\n`)) return;
      const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(stalledMs)]);
      await once(raw, 'drain', { signal }).catch(() => raw.destroy());
    },
    end: () => {
      clearInterval(heartbeat);
      raw.end();
      // What the reader has not taken yet is held until they do.
      const stalled = setTimeout(() => raw.destroy(), stalledMs);
      onClose(raw, () => clearTimeout(stalled));
    },
  };
}
