/** One brain: documents, chat and source side by side; on a phone, one at a time behind tabs. */
import { useCallback } from 'react';
import { Link, useLocation, useSearchParams } from 'wouter';
import { ChatPane } from '../chat/chat-pane.tsx';
import { useCopy } from '../copy/index.tsx';
import { useBrains } from '../data/queries.ts';
import { DocumentsPane } from '../documents/documents-pane.tsx';
import { StaleBanner } from '../parts/banner.tsx';
import { Button } from '../parts/button.tsx';
import { Header } from '../parts/header.tsx';
import { ChevronDown } from '../parts/icons.tsx';
import { Menu } from '../parts/menu.tsx';
import { LoadError } from '../parts/states.tsx';
import { useTitle } from '../parts/use-title.ts';
import { SourcePane } from '../source/source-pane.tsx';
import { Divider, usePaneWidth } from './divider.tsx';
import { PaneTabs } from './pane-tabs.tsx';
import { readLocation, type SourceLocation, withPane, withSource } from './source-location.ts';

export function BrainScreen({ brain: id, conversation }: { brain: string; conversation?: string }) {
  const copy = useCopy();
  const [path, navigate] = useLocation();
  const [search] = useSearchParams();
  const { data: brains, error, refetch } = useBrains();
  const brain = brains?.find((other) => other.id === id);
  const { pane, source } = readLocation(search);
  const documentsWidth = usePaneWidth('documents', { initial: 320, min: 240, max: 480 });
  const sourceWidth = usePaneWidth('source', { initial: 560, min: 320, max: 1000 });
  useTitle(brain?.name);

  const open = useCallback(
    (next: SourceLocation, options?: { replace?: boolean }) => navigate(`${path}?${withSource(next)}`, options),
    [navigate, path],
  );
  const close = useCallback(() => navigate(path), [navigate, path]);

  if (error && !brains) return <LoadError error={error} onRetry={() => void refetch()} />;
  if (brains && !brain) return <BrainGone />;
  return (
    <div className="flex h-dvh flex-col">
      <Header>
        <span className="hidden text-control sm:inline" aria-hidden="true">
          /
        </span>
        <h1 dir="auto" className="min-w-0 truncate font-semibold">
          {brain?.name ?? '\u00a0'}
        </h1>
        {brains && brains.length > 1 && (
          <Menu
            align="start"
            trigger={
              <Button look="quiet" size="icon" aria-label={copy.panes.switchBrain}>
                <ChevronDown size={16} aria-hidden="true" />
              </Button>
            }
            groups={[
              brains.map((other) => ({
                label: other.name,
                current: other.id === id,
                onSelect: () => navigate(`/b/${other.id}`),
              })),
              [{ label: copy.common.home, onSelect: () => navigate('/brains') }],
            ]}
          />
        )}
      </Header>
      <StaleBanner />
      <main
        id="main"
        data-pane={pane}
        data-source={source ? 'open' : 'closed'}
        className="panes group/panes flex min-h-0 flex-1"
        style={{ '--documents': `${documentsWidth.px}px`, '--source': `${sourceWidth.px}px` } as React.CSSProperties}
      >
        <DocumentsPane brain={id} onOpen={open} />
        <Divider label={copy.panes.resizeDocuments} width={documentsWidth} side="left" className="divider-documents" />
        <ChatPane brain={id} conversation={conversation} source={source} onOpen={open} />
        {source && (
          <>
            <Divider label={copy.panes.resizeSource} width={sourceWidth} side="right" className="divider-source" />
            <SourcePane
              key={source.document}
              brain={id}
              conversation={conversation}
              source={source}
              onMove={(page) => open({ ...source, page }, { replace: true })}
              onClose={close}
            />
          </>
        )}
      </main>
      <PaneTabs
        pane={pane}
        hasSource={source !== null}
        onChange={(next) => navigate(`${path}?${withPane(search, next)}`)}
      />
    </div>
  );
}

function BrainGone() {
  const copy = useCopy();
  return (
    <>
      <Header />
      <main id="main" className="mx-auto flex max-w-xl flex-col items-start gap-4 px-4 py-24">
        <h1 className="text-xl font-semibold">{copy.common.notFound}</h1>
        <Link href="/brains" className="text-accent underline underline-offset-2">
          {copy.common.home}
        </Link>
      </main>
    </>
  );
}
