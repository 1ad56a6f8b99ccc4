/**
 * One event stream per browser. The tab that holds the Web Lock opens it and passes each event on over a broadcast
 * channel; when that tab closes, another takes the lock. Over HTTP/1.1 a browser has six connections for all tabs, so a
 * stream per tab would hang the seventh.
 */
import type { QueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import type { Event, EventName } from '../../../shared/contract/events.ts';
import { applyEvents, readEvent } from './apply-events.ts';
import { eventStream } from './event-stream.ts';
import { ApiError, request } from './http.ts';
import { keys } from './keys.ts';

/** `since`: when the stream was last known to be open, ms; null while it is. */
export interface Connection {
  readonly lostSince: number | null;
}

/** Follows the stream until the signal aborts. */
export function followEvents(client: QueryClient, signal: AbortSignal): void {
  const channel = new BroadcastChannel('bulkhead-events');
  let waiting: Event[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const take = (message: Message) => {
    if (message.kind === 'state') return setConnection(message.lostSince);
    waiting.push(message.event);
    // A burst becomes one render.
    timer ??= setTimeout(() => {
      timer = undefined;
      const events = waiting;
      waiting = [];
      applyEvents(client, events);
    }, mergeMs);
  };
  const tell = (message: Message) => {
    take(message);
    channel.postMessage(message);
  };
  channel.onmessage = ({ data }: MessageEvent<Message | 'state?'>) => {
    if (data !== 'state?') take(data);
    else if (leading) channel.postMessage({ kind: 'state', lostSince: connection.lostSince } satisfies Message);
  };
  let leading = false;
  channel.postMessage('state?');
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    channel.close();
  });
  navigator.locks
    .request('bulkhead-events', { signal }, async () => {
      leading = true;
      await stream(tell, client, signal);
    })
    // Aborted while waiting for the lock: this tab never led.
    .catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    });
}

export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, () => connection);
}

type Message =
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'state'; readonly lostSince: number | null };

/** Events merge for this long: 10 a second over 1,000 rows stay smooth, and nobody sees a quarter of a second. */
const mergeMs = 250;
/** Between a stream that was lost and the next; it grows while none opens. */
const pauseMs = { first: 1000, most: 30_000 };

const names: readonly EventName[] = [
  'document',
  'document.deleted',
  'brain',
  'brain.deleted',
  'conversation',
  'conversation.deleted',
  'reload',
];

/** Holds the stream open; resolves when the signal aborts. */
async function stream(tell: (message: Message) => void, client: QueryClient, signal: AbortSignal): Promise<void> {
  let pause = pauseMs.first;
  let lastEventId: string | undefined;
  while (!signal.aborted) {
    try {
      const response = await request('GET /v1/events', {
        signal,
        headers: { accept: 'text/event-stream', ...(lastEventId && { 'Last-Event-ID': lastEventId }) },
      });
      pause = pauseMs.first;
      tell({ kind: 'state', lostSince: null });
      // Nobody knows what was missed: a leader that takes over cannot say where the one before it stood.
      if (!lastEventId) tell({ kind: 'event', event: { event: 'reload', data: {} } });
      for await (const { id, event, data } of eventStream(response)) {
        const name = names.find((known) => known === event);
        if (name) tell({ kind: 'event', event: readEvent(name, data) });
        lastEventId = id ?? lastEventId;
      }
    } catch (error) {
      // The usual reason of a refusal is a session that ended: asking who we are shows the sign-in.
      if (error instanceof ApiError && error.status > 0) void client.invalidateQueries({ queryKey: keys.me });
    }
    if (signal.aborted) return;
    tell({ kind: 'state', lostSince: connection.lostSince ?? Date.now() });
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
    pause = Math.min(pause * 2, pauseMs.most);
  }
}

let connection: Connection = { lostSince: null };
const listeners = new Set<() => void>();

function setConnection(lostSince: number | null): void {
  if (connection.lostSince === lostSince) return;
  connection = { lostSince };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
