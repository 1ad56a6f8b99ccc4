/** Thumbs up and down under an answer. Pressed again, a verdict is taken back. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { Turn, Verdict } from '../../../../shared/contract/chat.ts';
import { useCopy } from '../../copy/index.tsx';
import { call } from '../../data/http.ts';
import { Button } from '../../parts/button.tsx';
import { ThumbsDown, ThumbsUp } from '../../parts/icons.tsx';
import { storeTurn } from '../turns-cache.ts';

export function Rating({ turn }: { readonly turn: Turn }) {
  const copy = useCopy();
  const client = useQueryClient();
  const rate = useMutation({
    mutationFn: (verdict: Verdict | null) =>
      call('POST /v1/chat/turns/{turn}:rate', { params: { turn: turn.id }, body: { verdict } }),
    onSuccess: (rated) => storeTurn(client, rated),
  });
  const button = (verdict: Verdict, label: string, Icon: typeof ThumbsUp) => (
    <Button
      size="icon"
      look="quiet"
      className="aria-pressed:text-accent"
      aria-label={label}
      aria-pressed={turn.verdict === verdict}
      title={label}
      disabled={rate.isPending}
      onClick={() => rate.mutate(turn.verdict === verdict ? null : verdict)}
    >
      <Icon size={14} aria-hidden="true" />
    </Button>
  );
  const said = rate.isError ? copy.chat.failed(rate.error.message) : rate.isSuccess && turn.verdict && copy.chat.rated;
  return (
    <div className="flex items-center">
      {button('up', copy.chat.good, ThumbsUp)}
      {button('down', copy.chat.bad, ThumbsDown)}
      {said && <span role="status">{said}</span>}
    </div>
  );
}
