/** The box to ask in. Its text lives here and not in the transcript, so that typing never waits for an answer. */
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { type Copy, useCopy } from '../../copy/index.tsx';
import type { ApiError } from '../../data/http.ts';
import { Button } from '../../parts/button.tsx';
import { ArrowUp, Square } from '../../parts/icons.tsx';
import { Failure, reasonOf } from '../../parts/states.tsx';
import { useEnter } from './use-enter.ts';

interface ComposerProps {
  /** Where the draft is kept until its turn exists: a reload loses no text. */
  readonly draftKey: string;
  readonly busy: boolean;
  /** Under way, and not waiting for a slot: there the way out stands beside the countdown. */
  readonly stoppable: boolean;
  /** The service has the question: its draft has done its duty. */
  readonly arrived: boolean;
  /** A question that was refused; its text comes back into the box. */
  readonly refused: { readonly question: string; readonly error: ApiError | null } | null;
  readonly maxCharacters: number;
  readonly mayAsk: boolean;
  readonly onAsk: (question: string) => void;
  readonly onStop: () => void;
  /** The refusal was read: the person types again. */
  readonly onForget: () => void;
}

export function Composer(props: ComposerProps) {
  const { draftKey, busy, stoppable, arrived, refused, maxCharacters, mayAsk, onAsk, onStop, onForget } = props;
  const copy = useCopy();
  const box = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(() => sessionStorage.getItem(draftKey) ?? '');
  const tooLong = text.length > maxCharacters;

  useEffect(() => {
    if (refused) setText((now) => now || refused.question);
  }, [refused]);
  useEffect(() => {
    // Cleared once the turn exists: until then a reload brings the question back.
    if (arrived && text === '') sessionStorage.removeItem(draftKey);
  }, [arrived, text, draftKey]);
  useLayoutEffect(() => {
    const { current } = box;
    if (!current) return;
    current.style.height = 'auto';
    current.style.height = `${Math.min(current.scrollHeight, heightMaxPx)}px`;
  });

  const change = (value: string) => {
    setText(value);
    sessionStorage.setItem(draftKey, value);
    if (refused) onForget();
  };
  const send = (value: string) => {
    const question = value.trim();
    if (!question || busy || !mayAsk || question.length > maxCharacters) return;
    sessionStorage.setItem(draftKey, question);
    setText('');
    onAsk(question);
  };
  const enter = useEnter(send);

  if (!mayAsk)
    return <p className="shrink-0 border-t border-line px-4 py-4 text-center text-muted">{copy.chat.role}</p>;
  return (
    <form
      className="mx-auto w-full max-w-[760px] shrink-0 px-4 pt-2 pb-4"
      onSubmit={(event) => {
        event.preventDefault();
        send(text);
      }}
    >
      {(tooLong || refused?.error) && (
        <div className="mb-2">
          <Failure>
            {tooLong
              ? copy.chat.tooLong(text.length, maxCharacters)
              : refused?.error && refusalText(refused.error, copy)}
          </Failure>
        </div>
      )}
      <div className="flex items-end gap-2 rounded-lg border border-control bg-raised p-2 focus-within:border-accent focus-within:outline-2 focus-within:outline-focus">
        <textarea
          ref={box}
          rows={1}
          dir="auto"
          value={text}
          onChange={(event) => change(event.target.value)}
          {...enter}
          aria-label={copy.chat.question}
          aria-describedby="composer-hint"
          aria-invalid={tooLong || undefined}
          placeholder={copy.chat.placeholder}
          enterKeyHint="send"
          className="scroll-quiet max-h-40 min-h-8 flex-1 resize-none bg-transparent px-2 py-1 text-base outline-none focus-visible:outline-none"
        />
        {stoppable ? (
          <Button onClick={onStop} className="h-8 px-3">
            <Square size={14} fill="currentColor" aria-hidden="true" />
            {copy.chat.stop}
          </Button>
        ) : (
          <Button
            type="submit"
            look="primary"
            size="icon"
            disabled={busy || !text.trim() || tooLong}
            aria-label={copy.chat.send}
            title={copy.chat.send}
          >
            <ArrowUp size={18} aria-hidden="true" />
          </Button>
        )}
      </div>
      <p id="composer-hint" className="mt-1.5 px-1 text-xs text-muted max-md:sr-only">
        {copy.chat.hint}
      </p>
    </form>
  );
}

/** Six lines; then it scrolls inside. */
const heightMaxPx = 160;

export function refusalText(error: ApiError, copy: Copy): string {
  if (error.status === 429) {
    const resets = error.retryAfterMs === null ? null : Date.now() + error.retryAfterMs;
    return copy.chat.quota(resets);
  }
  if (error.status === 403) return copy.chat.role;
  if (error.code === 'model-failed') return copy.chat.modelFailed;
  return copy.chat.failed(reasonOf(error, copy));
}
