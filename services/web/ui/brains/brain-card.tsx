/** One brain in the list: a large link and a menu. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import type { Brain } from '../../../shared/contract/brain.ts';
import type { Me } from '../../../shared/contract/people.ts';
import { useCopy } from '../copy/index.tsx';
import { call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { remove } from '../data/lists.ts';
import { Button } from '../parts/button.tsx';
import { Confirm } from '../parts/dialog.tsx';
import { Ellipsis, Trash2 } from '../parts/icons.tsx';
import { Menu } from '../parts/menu.tsx';
import { BrainDialog } from './brain-dialog.tsx';

export function BrainCard({ brain, me }: { brain: Brain; me: Me | undefined }) {
  const copy = useCopy();
  const client = useQueryClient();
  const [open, setOpen] = useState<'settings' | 'delete' | null>(null);
  const mayDelete = me?.role === 'owner' || me?.role === 'admin';
  const destroy = async () => {
    await call('DELETE /v1/brains/{brain}', { params: { brain: brain.id } });
    remove(client, keys.brains, brain.id);
  };
  return (
    <article className="group relative flex h-full min-h-32 flex-col rounded-lg border border-line bg-surface p-5 transition-colors hover:border-control">
      <h2 dir="auto" className="mb-1 pr-8 text-base font-semibold">
        <Link href={`/b/${brain.id}`} className="rounded-md after:absolute after:inset-0 after:rounded-lg">
          {brain.name}
        </Link>
      </h2>
      {brain.description && (
        <p dir="auto" className="mb-3 line-clamp-2 text-muted">
          {brain.description}
        </p>
      )}
      <p className="mt-auto pt-3 text-xs text-muted">
        {copy.brains.documents(brain.documents)} · {copy.brains.updated(brain.updated_at)}
      </p>
      {me?.role !== 'viewer' && (
        <div className="absolute top-3 right-3">
          <Menu
            trigger={
              <Button look="quiet" size="icon" aria-label={copy.brains.menu(brain.name)}>
                <Ellipsis size={18} aria-hidden="true" />
              </Button>
            }
            groups={[
              [{ label: copy.brains.settings, onSelect: () => setOpen('settings') }],
              mayDelete
                ? [
                    {
                      label: copy.common.delete,
                      icon: <Trash2 size={16} aria-hidden="true" />,
                      danger: true,
                      onSelect: () => setOpen('delete'),
                    },
                  ]
                : [],
            ]}
          />
        </div>
      )}
      {open === 'settings' && <BrainDialog brain={brain} onClose={() => setOpen(null)} />}
      <Confirm
        open={open === 'delete'}
        title={copy.brains.deleteTitle(brain.name)}
        body={copy.brains.deleteBody}
        action={copy.common.delete}
        onConfirm={() => void destroy()}
        onClose={() => setOpen(null)}
      />
    </article>
  );
}
