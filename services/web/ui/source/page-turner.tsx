/** From page to page: one back, one on, or by number. */
import { type KeyboardEvent, useEffect, useState } from 'react';
import { useCopy } from '../copy/index.tsx';
import { Button } from '../parts/button.tsx';
import { ChevronLeft, ChevronRight } from '../parts/icons.tsx';

interface PageTurnerProps {
  readonly page: number;
  /** Null: not counted yet. */
  readonly total: number | null;
  readonly onMove: (page: number) => void;
}

export function PageTurner({ page, total, onMove }: PageTurnerProps) {
  const copy = useCopy();
  const [typed, setTyped] = useState(String(page));
  useEffect(() => setTyped(String(page)), [page]);
  const go = () => {
    const wanted = Number(typed);
    if (Number.isInteger(wanted) && wanted >= 1 && (total === null || wanted <= total)) onMove(wanted);
    else setTyped(String(page));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') go();
  };
  return (
    <div className="flex items-center gap-1 text-xs text-muted">
      <Button
        look="quiet"
        size="icon"
        aria-label={copy.source.previous}
        disabled={page <= 1}
        onClick={() => onMove(page - 1)}
      >
        <ChevronLeft size={18} aria-hidden="true" />
      </Button>
      <input
        inputMode="numeric"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={go}
        aria-label={copy.source.goTo}
        className="h-7 w-12 rounded-md border border-control bg-bg text-center text-text pointer-coarse:h-11 pointer-coarse:text-base"
      />
      {total !== null && <span>{copy.source.of(total)}</span>}
      <Button
        look="quiet"
        size="icon"
        aria-label={copy.source.next}
        disabled={total !== null && page >= total}
        onClick={() => onMove(page + 1)}
      >
        <ChevronRight size={18} aria-hidden="true" />
      </Button>
    </div>
  );
}
