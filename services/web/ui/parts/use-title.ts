/** The document's title, and the focus on the screen's heading after a change of address. */
import { useEffect } from 'react';

export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title ? `${title} · Bulkhead` : 'Bulkhead';
  }, [title]);
  useEffect(() => {
    // Not on the first load: there the reader starts at the top anyway.
    if (visited) {
      const heading = document.querySelector('h1');
      heading?.setAttribute('tabindex', '-1');
      heading?.focus({ preventScroll: true });
    }
    visited = true;
  }, []);
}

let visited = false;
