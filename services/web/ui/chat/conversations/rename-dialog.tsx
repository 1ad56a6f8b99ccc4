/** Another title for a conversation. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import type { Conversation } from '../../../../shared/contract/chat.ts';
import { useCopy } from '../../copy/index.tsx';
import { call } from '../../data/http.ts';
import { keys } from '../../data/keys.ts';
import { upsert } from '../../data/lists.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Field, textOf } from '../../parts/field.tsx';
import { Failure, reasonOf, Spinner } from '../../parts/states.tsx';

export function RenameDialog({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const copy = useCopy();
  const client = useQueryClient();
  const rename = useMutation({
    mutationFn: (title: string) =>
      call('PATCH /v1/chat/conversations/{conversation}', {
        params: { conversation: conversation.id },
        body: { title },
      }),
    onSuccess: (renamed) => {
      upsert(client, keys.conversations(conversation.brain_id), renamed);
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    rename.mutate(textOf(new FormData(event.currentTarget), 'title'));
  };
  return (
    <Dialog open onClose={onClose} title={copy.chat.renameConversation}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field
          label={copy.chat.conversationTitle}
          name="title"
          defaultValue={conversation.title}
          maxLength={200}
          required
          autoComplete="off"
        />
        {rename.error && <Failure>{reasonOf(rename.error, copy)}</Failure>}
        <div className="mt-2 flex justify-end gap-2">
          <Button onClick={onClose}>{copy.common.cancel}</Button>
          <Button type="submit" look="primary" disabled={rename.isPending}>
            {rename.isPending && <Spinner />}
            {copy.common.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
