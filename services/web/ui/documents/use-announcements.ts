/** Tells screen readers of quarters, ends and failures, and of nothing in between. */
import { useEffect, useRef } from 'react';
import type { Document } from '../../../shared/contract/brain.ts';
import { type Copy, useCopy } from '../copy/index.tsx';
import { announce } from '../parts/announcer.tsx';
import { failureReason, type Limits } from './document-state.ts';

export function useAnnouncements(documents: readonly Document[] | undefined, limits: Limits | undefined): void {
  const copy = useCopy();
  const before = useRef<ReadonlyMap<string, string> | null>(null);
  useEffect(() => {
    if (!documents || !limits) return;
    const now = new Map(documents.map((document) => [document.id, milestone(document, copy, limits)]));
    const known = before.current;
    before.current = now;
    // What the list holds at first is no news.
    if (!known) return;
    const news = [...now].filter(([id, sentence]) => sentence && known.has(id) && known.get(id) !== sentence);
    if (news.length > 0) announce(news.map(([, sentence]) => sentence).join('. '));
  }, [documents, limits, copy]);
}

/** The last thing worth saying about a document; empty: nothing yet. */
function milestone({ job, name, id }: Document, copy: Copy, limits: Limits): string {
  const words = copy.documents;
  if (job.kind !== 'ingest') return '';
  if (job.status === 'succeeded' || job.status === 'partial') return words.announceReady(name);
  if (job.status === 'failed') return words.announceFailed(name, failureReason(job.error, name, copy, limits, id));
  const { pages_total, pages_done } = job.progress;
  const quarter = pages_total ? Math.floor((pages_done / pages_total) * 4) * 25 : 0;
  return job.status === 'running' && quarter > 0 && quarter < 100 ? words.announceShare(name, quarter) : '';
}
