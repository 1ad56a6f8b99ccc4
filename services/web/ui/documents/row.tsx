/** How a document's row looks, whatever its state: icon and word, so that colour never speaks alone. */
import type { ReactNode } from 'react';
import { useCopy } from '../copy/index.tsx';
import { Button } from '../parts/button.tsx';
import { CircleAlert, CircleCheck, CirclePause, CircleSlash, TriangleAlert, X } from '../parts/icons.tsx';
import { Spinner } from '../parts/states.tsx';
import type { DocumentState } from './document-state.ts';

interface RowProps {
  readonly name: string;
  readonly tone: DocumentState['tone'];
  readonly text: string;
  readonly bar?: DocumentState['bar'];
  /** Opens the document; absent: it cannot be opened yet. */
  readonly onOpen?: () => void;
  readonly actions?: ReactNode;
  readonly menu?: ReactNode;
  /** Stops what runs: a small button beside the menu, so that a working row stays two lines high. */
  readonly onCancel?: (() => void) | undefined;
  readonly alert?: boolean;
  /** Position and size for readers when only a part of a long list is in the page. */
  readonly position?: readonly [number, number];
}

export function Row({ name, tone, text, bar, onOpen, actions, menu, onCancel, alert, position }: RowProps) {
  const copy = useCopy();
  const cancel = `${copy.common.cancel}: ${name}`;
  return (
    <li
      aria-posinset={position?.[0]}
      aria-setsize={position?.[1]}
      className="group relative border-t border-line px-4 py-2.5 first:border-t-0 hover:bg-bg md:min-h-11"
    >
      <div className="flex items-center gap-0.5">
        <div className="min-w-0 flex-1">
          {onOpen ? (
            <button
              type="button"
              dir="auto"
              onClick={onOpen}
              className="block max-w-full truncate rounded-sm text-start font-semibold hover:text-accent hover:underline pointer-coarse:py-2"
            >
              {name}
            </button>
          ) : (
            <p dir="auto" className="truncate font-semibold">
              {name}
            </p>
          )}
        </div>
        {onCancel && (
          <Button
            look="quiet"
            size="icon"
            aria-label={cancel}
            title={copy.common.cancel}
            onClick={onCancel}
            className="-my-1"
          >
            <X size={16} aria-hidden="true" />
          </Button>
        )}
        {menu}
      </div>
      <p role={alert ? 'alert' : undefined} className={`flex gap-1.5 text-xs ${toneText[tone]}`}>
        <ToneIcon tone={tone} />
        <span className="min-w-0">{text}</span>
      </p>
      {bar && (
        <div
          role="progressbar"
          aria-label={name}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(bar.done * 100)}
          aria-valuetext={bar.text}
          className="mt-2 flex h-1 overflow-hidden rounded-full bg-line"
        >
          <div className="bg-accent transition-[width] duration-300" style={{ width: `${bar.done * 100}%` }} />
          <div className="bg-bad" style={{ width: `${bar.failed * 100}%` }} />
        </div>
      )}
      {actions && <div className="mt-2 flex flex-wrap gap-2">{actions}</div>}
    </li>
  );
}

const toneText = {
  busy: 'text-muted',
  wait: 'text-muted',
  ok: 'text-ok',
  warn: 'text-warn',
  bad: 'text-bad',
  off: 'text-muted',
} as const;

function ToneIcon({ tone }: { tone: DocumentState['tone'] }) {
  if (tone === 'busy') return <Spinner size={14} className="mt-px shrink-0" />;
  const Icon = { wait: CirclePause, ok: CircleCheck, warn: TriangleAlert, bad: CircleAlert, off: CircleSlash }[tone];
  return <Icon size={14} className="mt-px shrink-0" aria-hidden="true" />;
}
