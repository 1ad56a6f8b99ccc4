/**
 * The turns, oldest first. A new question goes to the top of the view and its answer grows below it; nothing chases the
 * end, so that reading is never interrupted. A button leads to the end.
 */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Turn, TurnInput } from '../../../shared/contract/chat.ts';
import type { SourceLocation } from '../brain/source-location.ts';
import { useCopy } from '../copy/index.tsx';
import { Button } from '../parts/button.tsx';
import { ArrowDown } from '../parts/icons.tsx';
import { AskingView } from './asking/asking-view.tsx';
import type { Asking } from './asking/turn-request.ts';
import type { noTurnRequest } from './asking/turn-requests.ts';
import { TurnView } from './turn-view.tsx';

const aboveQuestionPx = 8;

interface TranscriptProps {
  readonly turns: readonly Turn[];
  readonly asking: Asking | null;
  readonly turnRequest: typeof noTurnRequest;
  readonly source: SourceLocation | null;
  readonly onOpen: (location: SourceLocation) => void;
  /** Asks for what a turn did not bring. */
  readonly onAsk: (turn: Turn, input: TurnInput) => void;
  /** Loads older turns; null: there are none. */
  readonly earlier: (() => void) | null;
}

export function Transcript({ turns, asking, turnRequest, source, onOpen, onAsk, earlier }: TranscriptProps) {
  const copy = useCopy();
  const scroller = useRef<HTMLDivElement>(null);
  const last = useRef<HTMLDivElement>(null);
  const [away, setAway] = useState(false);
  const startsAsking = useRef(asking !== null);
  const openCitation = useCallback(
    (turn: Turn, n: number) => {
      const citation = turn.citations.find((other) => other.n === n);
      if (citation) onOpen({ document: citation.document_id, page: citation.page_number, cite: { turn: turn.id, n } });
    },
    [onOpen],
  );

  const askingNow = asking !== null && asking.phase !== 'refused';
  const hasTurns = turns.length > 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: turns that come after the question push it out of sight.
  useEffect(() => {
    // Not scrollIntoView: that moves the whole page, too, and its head out of sight.
    const { current: box } = scroller;
    const { current: question } = last;
    if (askingNow && box && question)
      box.scrollTop += question.getBoundingClientRect().top - box.getBoundingClientRect().top - aboveQuestionPx;
  }, [askingNow, hasTurns]);
  useEffect(() => {
    // The first look at a conversation is at its end; at a question under way, at the question.
    if (!startsAsking.current) scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  }, []);
  const measure = () => {
    const { current } = scroller;
    if (current) setAway(current.scrollHeight - current.scrollTop - current.clientHeight > 120);
  };

  const finished = turns.filter(({ id }) => id !== asking?.turn?.id);
  const cite = source?.cite ?? null;
  const followedUp = new Set(turns.flatMap(({ retry_of, continues }) => retry_of ?? continues ?? []));
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        onScroll={measure}
        role="log"
        aria-live="off"
        aria-labelledby="chat-title"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
        tabIndex={0}
        className="scroll-quiet relative h-full overflow-y-auto px-4 pb-8 -outline-offset-2 [container-type:size]"
      >
        <div className="mx-auto flex max-w-[728px] flex-col gap-10 pt-2">
          {earlier && (
            <Button size="sm" className="self-center" onClick={earlier}>
              {copy.chat.earlier}
            </Button>
          )}
          {finished.map((turn, index) => (
            <div key={turn.id} ref={!askingNow && index === finished.length - 1 ? last : undefined} className="turn">
              <TurnView
                turn={turn}
                cited={cite?.turn === turn.id ? cite.n : null}
                onCite={openCitation}
                onAsk={followedUp.has(turn.id) || askingNow ? null : onAsk}
              />
            </div>
          ))}
          {askingNow && (
            <div key={asking.turn?.id ?? 'asking'} ref={last} className="min-h-[100cqh]">
              <AskingView
                asking={asking}
                turnRequest={turnRequest}
                cited={cite && cite.turn === asking.turn?.id ? cite.n : null}
                onCite={openCitation}
              />
            </div>
          )}
        </div>
      </div>
      {away && (
        <Button
          size="sm"
          onClick={() => scroller.current?.scrollTo({ top: scroller.current.scrollHeight, behavior: 'smooth' })}
          className="absolute bottom-2 left-1/2 -translate-x-1/2 rounded-full! bg-raised shadow-menu"
        >
          <ArrowDown size={14} aria-hidden="true" />
          {copy.chat.latest}
        </Button>
      )}
    </div>
  );
}
