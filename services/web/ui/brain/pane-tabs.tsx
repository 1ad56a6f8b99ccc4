/** The phone's bottom bar: one pane at a time. */
import { useCopy } from '../copy/index.tsx';
import { FileText, FolderOpen, MessageSquare } from '../parts/icons.tsx';
import type { Pane } from './source-location.ts';

interface PaneTabsProps {
  readonly pane: Pane;
  readonly hasSource: boolean;
  readonly onChange: (pane: Pane) => void;
}

export function PaneTabs({ pane, hasSource, onChange }: PaneTabsProps) {
  const copy = useCopy();
  const tabs = [
    { name: 'documents', Icon: FolderOpen, disabled: false },
    { name: 'chat', Icon: MessageSquare, disabled: false },
    { name: 'source', Icon: FileText, disabled: !hasSource },
  ] as const;
  return (
    <nav
      aria-label={copy.common.product}
      className="grid shrink-0 grid-cols-3 border-t border-line bg-bg pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {tabs.map(({ name, Icon, disabled }) => (
        <button
          key={name}
          type="button"
          disabled={disabled}
          aria-current={pane === name ? 'page' : undefined}
          onClick={() => onChange(name)}
          className="flex h-14 flex-col items-center justify-center gap-0.5 border-t-2 border-transparent text-xs text-muted -outline-offset-2 disabled:opacity-50 aria-[current=page]:border-accent aria-[current=page]:font-semibold aria-[current=page]:text-accent"
        >
          <Icon size={20} aria-hidden="true" />
          {copy.panes[name]}
        </button>
      ))}
    </nav>
  );
}
