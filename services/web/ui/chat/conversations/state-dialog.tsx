/** What an application keeps of a conversation, shown as it is, and changed by whoever may ask. */
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useId, useState } from 'react';
import type { Conversation } from '../../../../shared/contract/chat.ts';
import { useCopy } from '../../copy/index.tsx';
import { call } from '../../data/http.ts';
import { keys } from '../../data/keys.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { inputLook, textOf } from '../../parts/field.tsx';
import { Failure, LoadError, reasonOf, Skeleton } from '../../parts/states.tsx';

interface StateDialogProps {
  readonly conversation: Conversation;
  readonly mayChange: boolean;
  readonly onClose: () => void;
}

export function StateDialog({ conversation, mayChange, onClose }: StateDialogProps) {
  const copy = useCopy();
  const help = useId();
  const params = { conversation: conversation.id };
  const { data, error, refetch } = useQuery({
    queryKey: keys.conversationState(conversation.id),
    queryFn: () => call('GET /v1/chat/conversations/{conversation}/state', { params }),
    gcTime: 0,
  });
  const [failure, setFailure] = useState<string | null>(null);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const state = objectOf(textOf(new FormData(event.currentTarget), 'state'));
    if (!state) return setFailure(copy.chat.stateNotJson);
    if (!data) return;
    try {
      await call('PUT /v1/chat/conversations/{conversation}/state', {
        params,
        body: { state, version: data.version },
      });
      onClose();
    } catch (refused) {
      setFailure(reasonOf(refused as Error, copy));
    }
  };
  return (
    <Dialog open onClose={onClose} title={copy.chat.state}>
      {error ? (
        <LoadError error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Skeleton rows={2} />
      ) : (
        <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
          <textarea
            name="state"
            aria-label={copy.chat.state}
            aria-describedby={help}
            defaultValue={JSON.stringify(data.state, null, 2)}
            readOnly={!mayChange}
            rows={10}
            spellCheck={false}
            className={`${inputLook} h-auto! py-2 font-mono`}
          />
          <p id={help} className="text-xs text-muted">
            {copy.chat.stateHelp}
          </p>
          {failure && <Failure>{failure}</Failure>}
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>{copy.common.close}</Button>
            {mayChange && (
              <Button type="submit" look="primary">
                {copy.common.save}
              </Button>
            )}
          </div>
        </form>
      )}
    </Dialog>
  );
}

/** Null: it is none. */
function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
