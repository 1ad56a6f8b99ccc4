/** Finished turns go into the query cache, where the pages of a conversation live. */
import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import type { Turn } from '../../../shared/contract/chat.ts';
import { keys } from '../data/keys.ts';

interface TurnPage {
  data: Turn[];
  next_cursor: string | null;
}
export type TurnPages = InfiniteData<TurnPage, string>;

/** Replaces the turn, else adds it as the newest. */
export function storeTurn(client: QueryClient, turn: Turn): void {
  const queryKey = keys.turns(turn.conversation_id);
  const loading = client.isFetching({ queryKey }) > 0;
  client.setQueryData<TurnPages>(queryKey, (pages) => withTurn(pages, turn));
  // What is on its way may be from before this turn, and would take it away again.
  if (loading) void client.invalidateQueries({ queryKey });
}

/** Oldest first, as they are read. */
export function turnsOf(pages: TurnPages | undefined): Turn[] {
  return (pages?.pages.flatMap(({ data }) => data) ?? []).toReversed();
}

export function withTurn(pages: TurnPages | undefined, turn: Turn): TurnPages {
  if (!pages) return { pages: [{ data: [turn], next_cursor: null }], pageParams: [''] };
  const known = pages.pages.some(({ data }) => data.some(({ id }) => id === turn.id));
  return {
    ...pages,
    pages: pages.pages.map((page, index) => {
      if (known) return { ...page, data: page.data.map((other) => (other.id === turn.id ? turn : other)) };
      return index === 0 ? { ...page, data: [turn, ...page.data] } : page;
    }),
  };
}
