/** What every list has besides its rows: loading, empty, error; and short messages. */
import { type ReactNode, useEffect, useState } from 'react';
import { useCopy } from '../copy/index.tsx';
import { ApiError } from '../data/http.ts';
import { Button } from './button.tsx';
import { CircleAlert, LoaderCircle } from './icons.tsx';

/** Grey rows, but only when loading takes longer than a blink: 300 ms. */
export function Skeleton({ rows = 3, className = 'h-11' }: { rows?: number; className?: string }) {
  const copy = useCopy();
  const [shown, show] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => show(true), 300);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;
  return (
    <div role="status" className="flex flex-col gap-3 p-4">
      <span className="sr-only">{copy.common.loading}</span>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are alike and never move.
        <div key={row} className={`skeleton ${className}`} />
      ))}
    </div>
  );
}

export function LoadError({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const copy = useCopy();
  return (
    <div role="alert" className="m-4 rounded-lg border border-line bg-surface p-4">
      <p className="mb-3 flex gap-2">
        <CircleAlert size={18} className="mt-px shrink-0 text-bad" aria-hidden="true" />
        <span>{copy.common.error(reasonOf(error, copy))}</span>
      </p>
      <Button size="sm" onClick={onRetry}>
        {copy.common.tryAgain}
      </Button>
    </div>
  );
}

/** A failed form or action. Stays until it is mended. */
export function Failure({ children }: { children: ReactNode }) {
  return (
    <p role="alert" className="flex gap-2 rounded-md border border-line bg-surface px-3 py-2 text-bad">
      <CircleAlert size={18} className="mt-px shrink-0" aria-hidden="true" />
      <span>{children}</span>
    </p>
  );
}

export function Spinner({ size = 16, className = '' }: { size?: number; className?: string }) {
  return <LoaderCircle size={size} className={`animate-spin ${className}`} aria-hidden="true" />;
}

/** The reason in people's words: the service's detail, or that it cannot be reached. */
export function reasonOf(error: Error, copy: ReturnType<typeof useCopy>): string {
  if (!(error instanceof ApiError)) return error.message;
  if (error.code === 'unreachable') return copy.common.connectionLost;
  return error.message;
}
