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
  const fetching: Fetching = { hash: hashKey(key), missed: [] };
  onTheWay.add(fetching);
  try {
    const items = await fetch();
    return fetching.missed.reduce((changed, next) => next(changed) as T[], items);
  } finally {
    onTheWay.delete(fetching);
  }
}

interface Item {
  readonly id: string;
}
type Change<T> = (items: T[]) => T[];

interface Fetching {
  readonly hash: string;
  /** Since it began. */
  readonly missed: Change<Item>[];
}

const onTheWay = new Set<Fetching>();

function change<T extends Item>(client: QueryClient, key: readonly string[], next: Change<T>): void {
  const changed = hashKey(key);
  for (const { hash, missed } of onTheWay) if (hash === changed) missed.push(next as unknown as Change<Item>);
  client.setQueryData<T[]>(key, (items) => items && next(items));
}
