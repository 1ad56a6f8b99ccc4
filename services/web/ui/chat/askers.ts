/** The questions under way, by conversation: changing the screen stops none. */
import type { QueryClient } from '@tanstack/react-query';
import { Asker } from './asking.ts';

const askers = new WeakMap<QueryClient, Map<string, Asker>>();

export function askerFor(client: QueryClient, conversation: string): Asker {
  const known = askers.get(client) ?? new Map<string, Asker>();
  askers.set(client, known);
  const asker = known.get(conversation) ?? new Asker(conversation, client);
  known.set(conversation, asker);
  return asker;
}

/** Where there is no conversation yet, nothing is asked. */
export const noAsker: Pick<Asker, 'snapshot' | 'subscribe' | 'tryNow' | 'cancel' | 'stop'> = {
  snapshot: () => null,
  subscribe: () => () => undefined,
  tryNow: async () => undefined,
  cancel: () => undefined,
  stop: async () => undefined,
};
