/** A page's text, as the parser read it, with the cited passage marked. */
import { useEffect, useRef } from 'react';
import type { Citation } from '../../../shared/contract/chat.ts';
import type { PageResult } from '../../../shared/contract/page.ts';
import { Note } from '../chat/turn-view.tsx';
import { useCopy } from '../copy/index.tsx';
import { partText } from './marks.ts';

export function TextTab({ page, passage }: { page: PageResult; passage: Citation | null }) {
  const copy = useCopy();
  const mark = useRef<HTMLElement>(null);
  const parts = partText(page.text, passage);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page or passage is another place to look at.
  useEffect(() => {
    mark.current?.scrollIntoView({ block: 'center' });
  }, [page, passage]);
  return (
    <div className="px-5 py-5">
      {page.error && <Note>{copy.source.unread(page.error.message)}</Note>}
      {passage && !parts && <Note>{copy.source.unplaced}</Note>}
      {!page.text.trim() && !page.error && <p className="text-muted">{copy.source.noText}</p>}
      <div lang={languageOf(page.text)} dir="auto" className="max-w-[76ch] text-sm leading-6 whitespace-pre-wrap">
        {parts ? (
          <>
            {parts[0]}
            <mark ref={mark}>
              <bdi className="sr-only">{copy.source.marked}: </bdi>
              {parts[1]}
              <bdi className="sr-only"> ({copy.source.markedEnd})</bdi>
            </mark>
            {parts[2]}
          </>
        ) : (
          page.text
        )}
      </div>
    </div>
  );
}

/** Readers pronounce a quote in its own language. Hangul is Korean; anything else stays the page's. */
function languageOf(text: string): 'ko' | 'en' | undefined {
  const hangul = text.match(/[\uac00-\ud7a3]/g)?.length ?? 0;
  const latin = text.match(/[a-z]/gi)?.length ?? 0;
  if (hangul + latin < 20) return undefined;
  return hangul * 2 > latin ? 'ko' : 'en';
}
