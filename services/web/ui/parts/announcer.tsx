/** One polite live region for the whole page: `announce('…')` says a sentence to screen readers, and nothing else. */
import { useSyncExternalStore } from 'react';

export function announce(sentence: string): void {
  // The same sentence twice must count as a change.
  said = sentence === said ? `${sentence}\u00a0` : sentence;
  for (const listener of listeners) listener();
}

export function Announcer() {
  const sentence = useSyncExternalStore(subscribe, () => said);
  return (
    <div role="status" aria-live="polite" className="sr-only">
      {sentence}
    </div>
  );
}

let said = '';
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
