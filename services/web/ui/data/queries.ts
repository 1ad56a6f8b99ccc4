/** What the screens read. After the first load the event stream keeps these current; only waits for a parser are asked for again. */
import { type QueryClient, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiError, call } from './http.ts';
import { keys } from './keys.ts';
import { fetchList } from './lists.ts';

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

export function useMe() {
  return useQuery({ queryKey: keys.me, queryFn: () => call('GET /v1/me'), staleTime: 60_000 });
}

export function useBrains() {
  const queryKey = keys.brains;
  return useQuery({
    queryKey,
    queryFn: () => fetchList(queryKey, () => everything((query) => call('GET /v1/brains', { query }))),
  });
}

/** A minute is the finest that is shown of most waits. */
const waitingRefetchMs = 20_000;

export function useDocuments(brain: string) {
  const queryKey = keys.documents(brain);
  return useQuery({
    queryKey,
    queryFn: () =>
      fetchList(queryKey, () =>
        everything((query) => call('GET /v1/brains/{brain}/documents', { params: { brain }, query })),
      ),
    // How long it takes changes with what others upload, which is no event of this tenant.
    refetchInterval: ({ state }) => (state.data?.some(({ job }) => job.queue !== null) ? waitingRefetchMs : false),
  });
}

export function useConversations(brain: string) {
  const queryKey = keys.conversations(brain);
  return useQuery({
    queryKey,
    queryFn: () =>
      fetchList(queryKey, () =>
        everything((query) => call('GET /v1/chat/conversations', { query: { ...query, brain_id: brain } }), 1),
      ),
  });
}

/** Newest page first; each page newest first, as the API gives them. */
export function useTurns(conversation: string | undefined) {
  return useInfiniteQuery({
    queryKey: keys.turns(conversation ?? ''),
    enabled: conversation !== undefined,
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      call('GET /v1/chat/conversations/{conversation}/turns', {
        params: { conversation: conversation ?? '' },
        query: { limit: turnsPerPage, ...(pageParam && { cursor: pageParam }) },
      }),
    getNextPageParam: (last) => last.next_cursor,
  });
}

/** A page of a document never changes once it is read, so it is kept for the whole visit. */
export function usePage(document: string, page: number) {
  return useQuery({
    queryKey: keys.page(document, page),
    queryFn: () => call('GET /v1/documents/{document}/pages/{page}', { params: { document, page } }),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Fetches a list anew after a change that no event tells of. */
export function useChange<Input, Output>(
  change: (input: Input) => Promise<Output>,
  stale: readonly (readonly string[])[],
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => Promise.all(stale.map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
}

/** Does an error mean that nobody is signed in? */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** Retries what may be better in a moment: no answer, or a busy or broken service. Never a refusal. */
export function mayRetry(failures: number, error: unknown): boolean {
  return failures < 3 && error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

export function signedOut(client: QueryClient): void {
  client.clear();
}

/** Turns of one fetch; a conversation is seldom longer, and older ones come on demand. */
const turnsPerPage = 30;
/** 1,000 rows: what a pane of documents can usefully show; the filter finds the rest by name. */
const pagesMax = 5;

export async function everything<T>(
  read: (query: { readonly limit: number; readonly cursor?: string }) => Promise<Page<T>>,
  pages = pagesMax,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = '';
  for (let page = 0; page < pages && cursor !== null; page++) {
    const next: Page<T> = await read({ limit: 200, ...(cursor && { cursor }) });
    items.push(...next.data);
    cursor = next.next_cursor;
  }
  return items;
}
