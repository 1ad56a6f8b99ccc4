/** One finished turn: question, answer with numbered marks, sources, and what can be done next. */
import { memo, type ReactNode, useState } from 'react';
import type { Turn, TurnInput } from '../../../shared/contract/chat.ts';
import { useCopy } from '../copy/index.tsx';
import { ApiError } from '../data/http.ts';
import { Button } from '../parts/button.tsx';
import { Check, CircleAlert, Copy } from '../parts/icons.tsx';
import { Answer } from './answer/answer.tsx';
import { Rating } from './answer/rating.tsx';
import { Sources } from './answer/sources.tsx';
import { refusalText } from './asking/composer.tsx';

interface TurnViewProps {
  readonly turn: Turn;
  /** Number of the citation that is open in the source pane. */
  readonly cited: number | null;
  readonly onCite: (turn: Turn, n: number) => void;
  /** Null: another turn did, or is under way. */
  readonly onAsk: ((turn: Turn, input: TurnInput) => void) | null;
}

export const TurnView = memo(function TurnView({ turn, cited, onCite, onAsk }: TurnViewProps) {
  const copy = useCopy();
  const cite = (n: number) => onCite(turn, n);
  const lost = turn.status === 'interrupted' || turn.status === 'failed';
  const cut = turn.finish_reason === 'length';
  return (
    <article aria-label={turn.question}>
      <Question>{turn.continues ? copy.chat.goOn : turn.question}</Question>
      {turn.answered === false && turn.status === 'done' && (
        <p className="text-base font-semibold">{copy.chat.notAnswered}</p>
      )}
      {turn.answer && turn.answered !== false && <Answer turn={turn} cited={cited} onCite={cite} />}
      {!turn.answer && turn.citations.some(({ deleted }) => deleted) && <Note>{copy.chat.erased}</Note>}
      {turn.status === 'stopped' && <Note>{copy.chat.stopped}</Note>}
      {cut && turn.answer && <Note>{copy.chat.cut}</Note>}
      {turn.finish_reason === 'content_filter' && <Note>{copy.chat.heldBack}</Note>}
      {turn.status === 'interrupted' && <Note>{copy.chat.interrupted}</Note>}
      {turn.status === 'failed' && (
        <Note>{turn.error ? refusalText(new ApiError(turn.error), copy) : copy.chat.modelFailed}</Note>
      )}
      {turn.unread_documents > 0 && <Note>{copy.chat.unread(turn.unread_documents)}</Note>}
      <Sources
        turn={turn}
        cited={cited}
        onCite={cite}
        title={turn.answered === false ? copy.chat.nearest : copy.chat.sources(turn.citations.length)}
      />
      <div className="mt-3 flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-muted">
        {turn.answer && <CopyButton text={turn.answer} />}
        {turn.status === 'done' && <Rating turn={turn} />}
        {onAsk && cut && turn.answer && (
          <Button size="sm" onClick={() => onAsk(turn, { continues: turn.id })}>
            {copy.chat.goOn}
          </Button>
        )}
        {onAsk && (lost || turn.status === 'stopped') && (
          <Button size="sm" onClick={() => onAsk(turn, lost ? { retry_of: turn.id } : { question: turn.question })}>
            {copy.chat.askAgain}
          </Button>
        )}
        {turn.answerer.kind === 'extractive' && turn.answer && <span>{copy.chat.extractive}</span>}
      </div>
    </article>
  );
});

/** A heading, so that readers can jump from question to question. */
export function Question({ children }: { children: string }) {
  const copy = useCopy();
  return (
    <h3 className="mb-4 ml-auto w-fit max-w-[85%] rounded-lg bg-accent-soft px-4 py-2.5 text-base whitespace-pre-wrap">
      <span className="sr-only">{copy.chat.you}: </span>
      <span dir="auto" className="block">
        {children}
      </span>
    </h3>
  );
}

export function Note({ children }: { children: ReactNode }) {
  return (
    <p className="mt-3 flex gap-2 text-warn">
      <CircleAlert size={16} className="mt-0.5 shrink-0" aria-hidden="true" />
      <span>{children}</span>
    </p>
  );
}

function CopyButton({ text }: { text: string }) {
  const copy = useCopy();
  const [done, setDone] = useState(false);
  const Icon = done ? Check : Copy;
  return (
    <Button
      size="sm"
      look="quiet"
      className="-ml-2"
      onClick={async () => {
        await navigator.clipboard.writeText(text);
        setDone(true);
        setTimeout(() => setDone(false), 2000);
      }}
    >
      <Icon size={14} aria-hidden="true" />
      {done ? copy.common.copied : copy.common.copy}
    </Button>
  );
}
