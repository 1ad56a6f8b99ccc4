/** The number in an answer that leads to its page. */
import { createContext, use } from 'react';
import type { Citation } from '../../../../shared/contract/chat.ts';
import { useCopy } from '../../copy/index.tsx';
import { prefetchViewer } from '../../source/prefetch.ts';

export interface Marks {
  readonly turn: string;
  readonly cited: number | null;
  readonly onCite: (n: number) => void;
  readonly byNumber: ReadonlyMap<number, Citation>;
}

export const MarkContext = createContext<Marks>({
  turn: '',
  cited: null,
  onCite: () => undefined,
  byNumber: new Map(),
});

export function CitationMark({ citation }: { citation: Citation }) {
  const copy = useCopy();
  const { turn, cited, onCite } = use(MarkContext);
  const { n, document_name, page_number } = citation;
  const name = copy.chat.mark(n, document_name, page_number);
  return (
    <button
      type="button"
      data-mark={`${turn}.${n}`}
      aria-label={name}
      title={name}
      aria-current={cited === n || undefined}
      onClick={() => onCite(n)}
      onPointerEnter={prefetchViewer}
      onFocus={prefetchViewer}
      className="mx-0.5 inline-grid h-6 min-w-6 place-items-center rounded-md border border-accent px-1 align-[2px] text-xs leading-none font-semibold text-accent hover:bg-accent-soft aria-[current]:bg-accent aria-[current]:text-on-accent"
    >
      {n}
    </button>
  );
}
