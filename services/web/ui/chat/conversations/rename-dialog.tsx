/** Another title for a conversation. */
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Conversation } from '../../../../shared/contract/chat.ts';
import { useCopy } from '../../copy/index.tsx';
import { upsert } from '../../data/apply-events.ts';
import { call } from '../../data/http.ts';
import { keys } from '../../data/keys.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Field } from '../../parts/field.tsx';
import { Failure, reasonOf, Spinner } from '../../parts/states.tsx';

export function RenameDialog({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const copy = useCopy();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Error | null>(null);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const title = new FormData(event.currentTarget).get('title');
    setBusy(true);
    setFailure(null);
    try {
      const path = `/v1/chat/conversations/${conversation.id}`;
      const renamed = await call<Conversation>('PATCH', path, { body: { title } });
      upsert(client, keys.conversations(conversation.brain_id), renamed);
      onClose();
    } catch (error) {
      setFailure(error as Error);
      setBusy(false);
    }
  };
  return (
    <Dialog open onClose={onClose} title={copy.chat.renameConversation}>
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
        <Field
          label={copy.chat.conversationTitle}
          name="title"
          defaultValue={conversation.title}
          maxLength={200}
          required
          autoComplete="off"
        />
        {failure && <Failure>{reasonOf(failure, copy)}</Failure>}
        <div className="mt-2 flex justify-end gap-2">
          <Button onClick={onClose}>{copy.common.cancel}</Button>
          <Button type="submit" look="primary" disabled={busy}>
            {busy && <Spinner />}
            {copy.common.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
