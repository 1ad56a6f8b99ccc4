/** `GET /v1/events`: everything a person may see, over one stream. */
import { z } from 'zod';
import { brain, document } from './brain.ts';
import { conversation } from './chat.ts';
import { id } from './common.ts';

/**
 * Each event carries the whole new state of one resource, so applying it twice is harmless. Delivery is at least once
 * and in order per resource. `reload` tells a watcher that was away too long to fetch its lists anew.
 */
export const events = {
  document: document,
  'document.deleted': z.object({ id, brain_id: id }),
  brain: brain,
  'brain.deleted': z.object({ id }),
  conversation: conversation,
  'conversation.deleted': z.object({ id, brain_id: id }),
  reload: z.object({}),
};
export type EventName = keyof typeof events;
export type Event = { [Name in EventName]: { event: Name; data: z.output<(typeof events)[Name]> } }[EventName];
