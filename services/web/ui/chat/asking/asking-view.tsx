/** A question on its way: sending, waiting for a slot, searching, streaming. Busy is a state here, not an error. */
import type { Turn } from '../../../../shared/contract/chat.ts';
import { useCopy } from '../../copy/index.tsx';
import { useNow } from '../../parts/banner.tsx';
import { Button } from '../../parts/button.tsx';
import { Clock } from '../../parts/icons.tsx';
import { Spinner } from '../../parts/states.tsx';
import { Answer } from '../answer/answer.tsx';
import { Question } from '../turn-view.tsx';
import type { Asking } from './turn-request.ts';
import type { noTurnRequest } from './turn-requests.ts';

interface AskingViewProps {
  readonly asking: Asking;
  readonly turnRequest: typeof noTurnRequest;
  readonly cited: number | null;
  readonly onCite: (turn: Turn, n: number) => void;
}

export function AskingView({ asking, turnRequest, cited, onCite }: AskingViewProps) {
  const copy = useCopy();
  const { phase, turn, question, documents } = asking;
  const line = (text: string) => (
    <p className="flex items-center gap-2 text-muted">
      <Spinner />
      {text}
    </p>
  );
  return (
    <article aria-label={question} aria-busy={phase !== 'held'}>
      <Question>{asking.input.continues ? copy.chat.goOn : question}</Question>
      {turn?.answer && <Answer turn={turn} cited={cited} onCite={(n) => onCite(turn, n)} streaming />}
      {phase === 'sending' && line(copy.chat.sending)}
      {phase === 'searching' && line(documents === null ? copy.chat.sending : copy.chat.searching(documents))}
      {phase === 'found' && line(copy.chat.found(asking.passages ?? 0))}
      {phase === 'streaming' && !turn?.answer && line(copy.chat.announceAnswering)}
      {phase === 'reconnecting' && <div className="mt-3">{line(copy.chat.reconnecting)}</div>}
      {phase === 'waiting' && <Waiting asking={asking} turnRequest={turnRequest} />}
      {phase === 'held' && (
        <div role="alert" className="flex flex-wrap items-center gap-3 rounded-lg border border-line bg-surface p-4">
          <Clock size={18} className="text-warn" aria-hidden="true" />
          <span className="flex-1 basis-48">{copy.chat.stillBusy}</span>
          <Button size="sm" look="primary" onClick={() => void turnRequest.tryNow()}>
            {copy.common.tryAgain}
          </Button>
          <Button size="sm" onClick={() => turnRequest.cancel()}>
            {copy.common.cancel}
          </Button>
        </div>
      )}
    </article>
  );
}

/** Counts down to the next try. Readers hear the sentence once; the ticks are for the eye. */
function Waiting({ asking, turnRequest }: { asking: Asking; turnRequest: typeof noTurnRequest }) {
  const copy = useCopy();
  const now = useNow(250);
  const leftMs = (asking.retryAt ?? now) - now;
  return (
    <div className="flex flex-wrap items-center gap-3 rounded-lg border border-line bg-surface p-4">
      <Clock size={18} className="text-accent" aria-hidden="true" />
      <span className="flex-1 basis-48">{leftMs > 0 ? copy.chat.waiting(leftMs) : copy.chat.waitingNow}</span>
      <Button size="sm" onClick={() => void turnRequest.tryNow()}>
        {copy.chat.tryNow}
      </Button>
      <Button size="sm" look="quiet" onClick={() => turnRequest.cancel()}>
        {copy.common.cancel}
      </Button>
    </div>
  );
}
