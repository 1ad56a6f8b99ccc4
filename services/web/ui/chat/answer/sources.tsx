/** The cited passages of a turn, each a way to its page. */
import type { Turn } from '../../../../shared/contract/chat.ts';
import { useCopy } from '../../copy/index.tsx';
import { prefetchViewer } from '../../source/prefetch.ts';

interface SourcesProps {
  readonly turn: Turn;
  readonly cited: number | null;
  readonly onCite: (n: number) => void;
  readonly title: string;
}

export function Sources({ turn, cited, onCite, title }: SourcesProps) {
  const copy = useCopy();
  if (turn.citations.length === 0) return null;
  return (
    <section className="mt-5">
      <h4 className="mb-2 text-xs font-semibold text-muted">{title}</h4>
      <ol className="grid gap-2 sm:grid-cols-[repeat(auto-fill,minmax(240px,1fr))]">
        {turn.citations.map(({ n, document_name, page_number, quote, deleted }) => (
          <li key={n}>
            <button
              type="button"
              disabled={deleted}
              onClick={() => onCite(n)}
              onPointerEnter={prefetchViewer}
              onFocus={prefetchViewer}
              aria-current={cited === n || undefined}
              className="flex h-full w-full gap-2.5 rounded-lg border border-line bg-surface p-3 text-left hover:border-control aria-[current]:border-accent aria-[current]:bg-accent-soft"
            >
              <span className="mt-px grid h-5 min-w-5 place-items-center rounded-md border border-accent px-1 text-xs font-semibold text-accent">
                {n}
              </span>
              <span className="min-w-0">
                <span dir="auto" className="block truncate text-xs font-semibold">
                  {deleted ? copy.chat.deletedDocument : document_name}
                </span>
                <span className="block text-xs text-muted">{copy.chat.page(page_number)}</span>
                <span dir="auto" className="mt-1 line-clamp-2 text-xs text-muted">
                  {quote}
                </span>
              </span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
