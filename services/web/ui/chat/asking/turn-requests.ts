/** The questions under way, by conversation: changing the screen stops none. */
import type { QueryClient } from '@tanstack/react-query';
import { TurnRequest } from './turn-request.ts';

const turnRequests = new WeakMap<QueryClient, Map<string, TurnRequest>>();

export function turnRequestFor(client: QueryClient, conversation: string): TurnRequest {
  const known = turnRequests.get(client) ?? new Map<string, TurnRequest>();
  turnRequests.set(client, known);
  const turnRequest = known.get(conversation) ?? new TurnRequest(conversation, client);
  known.set(conversation, turnRequest);
  return turnRequest;
}

/** Is a question on its way that has a turn, or is about to? */
export function isAsking(client: QueryClient, conversation: string): boolean {
  const phase = turnRequests.get(client)?.get(conversation)?.snapshot()?.phase;
  return phase !== undefined && !['waiting', 'held', 'refused'].includes(phase);
}

/** Where there is no conversation yet, nothing is asked. */
export const noTurnRequest: Pick<TurnRequest, 'snapshot' | 'subscribe' | 'tryNow' | 'cancel' | 'stop'> = {
  snapshot: () => null,
  subscribe: () => () => undefined,
  tryNow: async () => undefined,
  cancel: () => undefined,
  stop: async () => undefined,
};
