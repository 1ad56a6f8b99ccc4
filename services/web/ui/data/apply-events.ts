/** Events of the stream, into the query cache. Each carries a whole resource, so twice is harmless. */
import type { QueryClient } from '@tanstack/react-query';
import type { Event, EventName } from '../../../shared/contract/events.ts';
import { isAsking } from '../chat/asking/turn-requests.ts';
import { keys } from './keys.ts';
import { remove, upsert } from './lists.ts';

/** What cannot be read may have told anything: all is fetched anew. */
export function readEvent(name: EventName, text: string): Event {
  try {
    const data: unknown = JSON.parse(text);
    if (typeof data === 'object' && data !== null) return { event: name, data } as Event;
  } catch {}
  return { event: 'reload', data: {} };
}

export function applyEvents(client: QueryClient, events: readonly Event[]): void {
  for (const { event, data } of events) {
    if (event === 'document') upsert(client, keys.documents(data.brain_id), data);
    else if (event === 'document.deleted') remove(client, keys.documents(data.brain_id), data.id);
    else if (event === 'brain') upsert(client, keys.brains, data);
    else if (event === 'brain.deleted') remove(client, keys.brains, data.id);
    else if (event === 'conversation') {
      upsert(client, keys.conversations(data.brain_id), data, true);
      // Another window asked. What this one asks it follows by itself.
      if (!isAsking(client, data.id)) void client.invalidateQueries({ queryKey: keys.turns(data.id) });
    } else if (event === 'conversation.deleted') remove(client, keys.conversations(data.brain_id), data.id);
    else void client.invalidateQueries();
  }
}
