/** All conversations of a brain, found by their title or by what was asked and answered in them. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { useCopy } from '../../copy/index.tsx';
import { call } from '../../data/http.ts';
import { keys } from '../../data/keys.ts';
import { announce } from '../../parts/announcer.tsx';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Field } from '../../parts/field.tsx';
import { LoadError, Spinner } from '../../parts/states.tsx';

export function SearchDialog({ brain, onClose }: { brain: string; onClose: () => void }) {
  const copy = useCopy();
  const [text, setText] = useState('');
  const search = useSettled(text.trim());
  const query = useInfiniteQuery({
    queryKey: keys.conversationSearch(brain, search),
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const query = { brain_id: brain, limit: 30, ...(search && { search }), ...(pageParam && { cursor: pageParam }) };
      return call('GET /v1/chat/conversations', { query, signal });
    },
    getNextPageParam: (last) => last.next_cursor,
    // What was found before stays until the next is there.
    placeholderData: (before) => before,
    gcTime: 0,
  });
  const found = query.data?.pages.flatMap(({ data }) => data) ?? [];
  const { hasNextPage, isError, isFetching, fetchNextPage } = query;
  useEffect(() => {
    // A page of a search may be empty before the last one. After a failure a person asks again.
    if (found.length === 0 && hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [found.length, hasNextPage, isFetching, isError, fetchNextPage]);
  const done = !isFetching && query.data !== undefined;
  useEffect(() => {
    if (done && search) announce(copy.chat.conversationsFound(found.length, hasNextPage));
  }, [done, search, found.length, hasNextPage, copy]);
  return (
    <Dialog open onClose={onClose} title={copy.chat.conversations}>
      <search className="flex flex-col gap-3">
        <Field
          type="search"
          label={copy.chat.findConversation}
          help={copy.chat.findHelp}
          value={text}
          onChange={({ currentTarget }) => setText(currentTarget.value)}
          maxLength={200}
          autoComplete="off"
        />
        {query.error && found.length === 0 ? (
          <LoadError error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <ul className="-mx-2 flex flex-col" aria-busy={isFetching} aria-label={copy.chat.conversations}>
            {found.map(({ id, title, updated_at }) => (
              <li key={id}>
                <Link
                  href={`/b/${brain}/c/${id}`}
                  onClick={onClose}
                  className="flex min-h-10 items-baseline gap-3 rounded-md px-2 py-2 hover:bg-accent-soft pointer-coarse:min-h-11"
                >
                  <span className="line-clamp-2 min-w-0 flex-1 break-words">{title || copy.chat.untitled}</span>
                  <time dateTime={updated_at} className="shrink-0 text-xs text-muted">
                    {copy.common.date(updated_at)}
                  </time>
                </Link>
              </li>
            ))}
          </ul>
        )}
        {done && found.length === 0 && !hasNextPage && (
          <p className="text-muted">{search ? copy.chat.noMatch : copy.chat.noConversations}</p>
        )}
        {isFetching && (
          <p className="flex items-center gap-2 text-muted">
            <Spinner />
            {copy.chat.looking}
          </p>
        )}
        {!isFetching && hasNextPage && (
          <Button size="sm" className="self-center" onClick={() => void fetchNextPage()}>
            {copy.chat.olderConversations}
          </Button>
        )}
      </search>
    </Dialog>
  );
}

/** Below what feels slow, above the time between two keys. */
const settledMs = 250;

/** What stands there once nobody types. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), settledMs);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
