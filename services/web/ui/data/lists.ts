/** Lists in the query cache, changed item by item as events and answers tell. */
import { hashKey, type QueryClient } from '@tanstack/react-query';

/** Replaces in place, else adds at the top; `raise` moves a changed one up. Lists not loaded yet are left alone. */
export function upsert<T extends Item>(client: QueryClient, key: readonly string[], item: T, raise = false): void {
  change<T>(client, key, (items) => {
    const at = items.findIndex(({ id }) => id === item.id);
    if (at >= 0 && !raise) return items.with(at, item);
    return [item, ...items.filter(({ id }) => id !== item.id)];
  });
}

export function remove(client: QueryClient, key: readonly string[], id: string): void {
  change<Item>(client, key, (items) => items.filter((item) => item.id !== id));
}

/**
 * Fetches a list. What changed while it was on its way is done to it again: the server may have read it before. Fetching
 * anew at each change could go on as long as documents are read, and the list would never come.
 */
export async function fetchList<T extends Item>(key: readonly string[], fetch: () => Promise<T[]>): Promise<T[]> {
  const missed: Change<Item>[] = [];
  const hash = hashKey(key);
  const all = onTheWay.get(hash) ?? new Set();
  onTheWay.set(hash, all.add(missed));
  try {
    const items = await fetch();
    return missed.reduce((changed, next) => next(changed) as T[], items);
  } finally {
    all.delete(missed);
    if (all.size === 0) onTheWay.delete(hash);
  }
}

interface Item {
  readonly id: string;
}
type Change<T> = (items: T[]) => T[];

/** By key: for each fetch, what changed since it began. */
const onTheWay = new Map<string, Set<Change<Item>[]>>();

function change<T extends Item>(client: QueryClient, key: readonly string[], next: Change<T>): void {
  for (const missed of onTheWay.get(hashKey(key)) ?? []) missed.push(next as unknown as Change<Item>);
  client.setQueryData<T[]>(key, (items) => items && next(items));
}
