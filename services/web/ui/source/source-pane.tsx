/** The cited page beside the answer: its text at once, its picture behind it, the passage marked in both. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Tabs } from 'radix-ui';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import type { Citation } from '../../../shared/contract/chat.ts';
import type { SourceLocation } from '../brain/source-location.ts';
import { turnRequestFor } from '../chat/asking/turn-requests.ts';
import { type TurnPages, turnsOf } from '../chat/turns-cache.ts';
import { useCopy } from '../copy/index.tsx';
import { ApiError, call } from '../data/http.ts';
import { useDocuments, usePage, useTurns } from '../data/queries.ts';
import { Button } from '../parts/button.tsx';
import { X } from '../parts/icons.tsx';
import { LoadError, Spinner } from '../parts/states.tsx';
import { PageTurner } from './page-turner.tsx';
import { TextTab } from './text-tab.tsx';

const PageTab = lazy(() => import('./page-tab.tsx'));

interface SourcePaneProps {
  readonly brain: string;
  readonly conversation: string | undefined;
  readonly source: SourceLocation;
  readonly onMove: (page: number) => void;
  readonly onClose: () => void;
}

export function SourcePane({ brain, conversation, source, onMove, onClose }: SourcePaneProps) {
  const copy = useCopy();
  const heading = useRef<HTMLHeadingElement>(null);
  const document = useDocument(brain, source.document);
  const page = usePage(source.document, source.page);
  const citation = useCitation(conversation, source);
  const [tab, setTab] = useState(() => localStorage.getItem('source-tab') ?? 'text');
  const cite = source.cite ? `${source.cite.turn}.${source.cite.n}` : null;

  // biome-ignore lint/correctness/useExhaustiveDependencies: each citation that opens takes the focus here.
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, [cite, source.document]);
  const leave = () => {
    onClose();
    // Back to the mark that led here.
    setTimeout(() => globalThis.document.querySelector<HTMLElement>(`[data-mark="${cite}"]`)?.focus());
  };

  const deleted = page.error instanceof ApiError && page.error.status === 404 && document.gone;
  const name = document.data?.name ?? citation?.document_name ?? '';
  const isPdf = document.data?.media_type === 'application/pdf';
  const passage = citation?.page_number === source.page ? citation : null;
  const shownTab = isPdf && tab === 'page' ? 'page' : 'text';
  const text = page.data ? (
    <TextTab page={page.data} passage={passage} />
  ) : page.error && !deleted ? (
    page.error instanceof ApiError && page.error.status === 404 ? (
      <p className="p-6 text-muted">{copy.source.notReadYet}</p>
    ) : (
      <LoadError error={page.error} onRetry={() => void page.refetch()} />
    )
  ) : (
    <p role="status" className="flex items-center gap-2 p-6 text-muted">
      <Spinner />
      {copy.source.opening(source.page)}
    </p>
  );
  return (
    <section
      aria-labelledby="source-title"
      className="pane-source flex flex-col bg-bg"
      onKeyDown={(event) => {
        if (event.key === 'Escape') leave();
      }}
    >
      <div className="flex h-12 shrink-0 items-center gap-2 pr-3 pl-4">
        <h2 id="source-title" ref={heading} tabIndex={-1} className="min-w-0 flex-1 truncate font-semibold">
          <span className="sr-only">{copy.source.title}: </span>
          <bdi>{name}</bdi>
        </h2>
        <Button look="quiet" size="icon" aria-label={copy.source.close} onClick={leave}>
          <X size={18} aria-hidden="true" />
        </Button>
      </div>
      {deleted ? (
        <p className="p-6 text-muted">{copy.source.deleted}</p>
      ) : (
        <Tabs.Root
          value={shownTab}
          onValueChange={(next) => {
            setTab(next);
            localStorage.setItem('source-tab', next);
          }}
          className="flex min-h-0 flex-1 flex-col"
        >
          <div className="flex shrink-0 flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-line pr-3 pl-4">
            <Tabs.List aria-label={copy.source.title} className="-mb-px flex gap-4">
              <Tabs.Trigger value="text" className={tabLook}>
                {copy.source.text}
              </Tabs.Trigger>
              {isPdf && (
                <Tabs.Trigger value="page" className={tabLook}>
                  {copy.source.pageTab}
                </Tabs.Trigger>
              )}
            </Tabs.List>
            <PageTurner page={source.page} total={document.data?.pages_total ?? null} onMove={onMove} />
          </div>
          <Tabs.Content value="text" tabIndex={-1} className="scroll-quiet min-h-0 flex-1 overflow-y-auto">
            {text}
          </Tabs.Content>
          <Tabs.Content value="page" tabIndex={-1} className="scroll-quiet min-h-0 flex-1 overflow-auto bg-surface">
            <Suspense fallback={<p className="p-6 text-muted">{copy.source.opening(source.page)}</p>}>
              <PageTab document={source.document} name={name} number={source.page} page={page.data} passage={passage} />
            </Suspense>
          </Tabs.Content>
        </Tabs.Root>
      )}
    </section>
  );
}

const tabLook =
  'h-10 border-b-2 border-transparent px-1 text-muted hover:text-text data-[state=active]:border-accent data-[state=active]:font-semibold data-[state=active]:text-text pointer-coarse:h-11';

/** From the list; a document that is not in it, is asked for: the list may be longer than what is shown. */
function useDocument(brain: string, id: string) {
  const { data: documents } = useDocuments(brain);
  const listed = documents?.find((document) => document.id === id);
  const single = useQuery({
    queryKey: ['document', id],
    enabled: documents !== undefined && !listed,
    queryFn: () => call('GET /v1/documents/{document}', { params: { document: id } }),
  });
  const gone = !listed && single.error instanceof ApiError && single.error.status === 404;
  return { data: listed ?? single.data, gone };
}

function useCitation(conversation: string | undefined, { cite }: SourceLocation): Citation | null {
  const client = useQueryClient();
  const { data } = useTurns(conversation);
  if (!cite) return null;
  const asking = conversation ? turnRequestFor(client, conversation).snapshot()?.turn : null;
  const turns = [...turnsOf(data as TurnPages | undefined), ...(asking ? [asking] : [])];
  const turn = turns.find(({ id }) => id === cite.turn);
  return turn?.citations.find(({ n }) => n === cite.n) ?? null;
}
