/** Says when what is shown may be old: the stream is lost, or the machine is offline. */
import { useEffect, useState } from 'react';
import { useCopy } from '../copy/index.tsx';
import { useConnection } from '../data/live.ts';
import { TriangleAlert } from './icons.tsx';

/** A stream that comes back within this time is nobody's business. */
const quietMs = 5000;

export function StaleBanner() {
  const copy = useCopy();
  const { lostSince } = useConnection();
  const now = useNow(lostSince === null ? null : 5000);
  if (lostSince === null || now - lostSince < quietMs) return null;
  return (
    <p
      role="status"
      className="flex items-center justify-center gap-2 border-b border-line bg-surface px-4 py-1.5 text-warn"
    >
      <TriangleAlert size={16} aria-hidden="true" />
      {navigator.onLine ? copy.common.lastUpdate(now - lostSince) : copy.common.offline(lostSince)}
    </p>
  );
}

/** The time, renewed every `everyMs`; null: not at all. */
export function useNow(everyMs: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    if (everyMs === null) return;
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
