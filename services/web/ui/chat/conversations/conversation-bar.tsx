/** The head of the chat: which conversation this is, the others, and a new one. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { useCopy } from '../../copy/index.tsx';
import { call } from '../../data/http.ts';
import { keys } from '../../data/keys.ts';
import { remove } from '../../data/lists.ts';
import { useConversations, useMe } from '../../data/queries.ts';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/dialog.tsx';
import { Braces, ChevronDown, Download, MessageSquarePlus, Pencil, Search, Trash2 } from '../../parts/icons.tsx';
import { Menu } from '../../parts/menu.tsx';
import { RenameDialog } from './rename-dialog.tsx';
import { SearchDialog } from './search-dialog.tsx';
import { StateDialog } from './state-dialog.tsx';

/** More are found by a search. */
const listedMax = 10;

export function ConversationBar({ brain, conversation }: { brain: string; conversation: string | undefined }) {
  const copy = useCopy();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const { data: me } = useMe();
  const { data: conversations } = useConversations(brain);
  const [open, setOpen] = useState<'search' | 'state' | 'rename' | 'delete' | null>(null);
  const close = () => setOpen(null);
  const current = conversations?.find(({ id }) => id === conversation);
  const title = current ? current.title || copy.chat.untitled : copy.chat.title;
  const destroy = async () => {
    if (!conversation) return;
    await call('DELETE /v1/chat/conversations/{conversation}', { params: { conversation } });
    remove(client, keys.conversations(brain), conversation);
    navigate(`/b/${brain}`);
  };
  return (
    <div className="flex h-12 shrink-0 items-center gap-1 pr-3 pl-4">
      <h2 id="chat-title" dir="auto" className="min-w-0 truncate font-semibold">
        {title}
      </h2>
      {conversations && conversations.length > 0 && (
        <Menu
          align="start"
          trigger={
            <Button look="quiet" size="icon" aria-label={copy.chat.conversations}>
              <ChevronDown size={16} aria-hidden="true" />
            </Button>
          }
          heading={copy.chat.conversations}
          groups={[
            conversations.slice(0, listedMax).map(({ id, title: name }) => ({
              label: name || copy.chat.untitled,
              current: id === conversation,
              onSelect: () => navigate(`/b/${brain}/c/${id}`),
            })),
            [
              {
                label: copy.chat.findConversation,
                icon: <Search size={16} aria-hidden="true" />,
                onSelect: () => setOpen('search'),
              },
              ...(current
                ? [
                    {
                      label: copy.chat.exportConversation,
                      icon: <Download size={16} aria-hidden="true" />,
                      // An attachment: the page stays.
                      onSelect: () => window.location.assign(`/v1/chat/conversations/${current.id}/export`),
                    },
                    {
                      label: copy.chat.state,
                      icon: <Braces size={16} aria-hidden="true" />,
                      onSelect: () => setOpen('state'),
                    },
                  ]
                : []),
            ],
            current && me?.role !== 'viewer'
              ? [
                  {
                    label: copy.chat.renameConversation,
                    icon: <Pencil size={16} aria-hidden="true" />,
                    onSelect: () => setOpen('rename'),
                  },
                  {
                    label: copy.chat.deleteConversation,
                    icon: <Trash2 size={16} aria-hidden="true" />,
                    danger: true,
                    onSelect: () => setOpen('delete'),
                  },
                ]
              : [],
          ]}
        />
      )}
      <span className="flex-1" />
      {conversation && me?.role !== 'viewer' && (
        <Button size="sm" look="quiet" onClick={() => navigate(`/b/${brain}`)}>
          <MessageSquarePlus size={16} aria-hidden="true" />
          <span className="sr-only sm:not-sr-only">{copy.chat.newConversation}</span>
        </Button>
      )}
      <Confirm
        open={open === 'delete'}
        title={copy.chat.deleteTitle(title)}
        body={copy.chat.deleteBody}
        action={copy.common.delete}
        onConfirm={() => void destroy()}
        onClose={close}
      />
      {open === 'search' && <SearchDialog brain={brain} onClose={close} />}
      {open === 'state' && current && (
        <StateDialog conversation={current} mayChange={me?.role !== 'viewer'} onClose={close} />
      )}
      {open === 'rename' && current && <RenameDialog conversation={current} onClose={close} />}
    </div>
  );
}
