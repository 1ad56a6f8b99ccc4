/** An answer's text. Markdown is loaded with the first answer; until it is there, the text stands as it came. */
import { lazy, Suspense } from 'react';
import type { Turn } from '../../../../shared/contract/chat.ts';

const Markdown = lazy(() => import('./markdown.tsx'));

interface AnswerProps {
  readonly turn: Turn;
  readonly cited: number | null;
  readonly onCite: (n: number) => void;
  readonly streaming?: boolean;
}

export function Answer({ turn, cited, onCite, streaming }: AnswerProps) {
  return (
    <div className="prose">
      <Suspense
        fallback={
          <p dir="auto" className="whitespace-pre-wrap">
            {turn.answer}
          </p>
        }
      >
        <Markdown
          turn={turn.id}
          text={turn.answer}
          citations={turn.citations}
          cited={cited}
          onCite={onCite}
          streaming={streaming ?? false}
        />
      </Suspense>
    </div>
  );
}
