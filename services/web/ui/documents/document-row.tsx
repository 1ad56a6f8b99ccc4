/** One document with its state and its actions. */
import { useQueryClient } from '@tanstack/react-query';
import { memo, useState } from 'react';
import type { Document } from '../../../shared/contract/brain.ts';
import type { Job } from '../../../shared/contract/job.ts';
import { useCopy } from '../copy/index.tsx';
import { call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { upsert } from '../data/lists.ts';
import { Button } from '../parts/button.tsx';
import { Confirm } from '../parts/dialog.tsx';
import { Ellipsis, Trash2, Upload } from '../parts/icons.tsx';
import { Menu } from '../parts/menu.tsx';
import { Failure, reasonOf } from '../parts/states.tsx';
import { type Action, documentState, type Limits, priceOf } from './document-state.ts';
import { Row } from './row.tsx';

interface DocumentRowProps {
  readonly document: Document;
  readonly limits: Limits;
  /** The time, ms, for "no progress". */
  readonly now: number;
  readonly mayWrite: boolean;
  readonly position: readonly [number, number];
  readonly onOpen: () => void;
}

export const DocumentRow = memo(function DocumentRow(props: DocumentRowProps) {
  const { document, limits, now, mayWrite, onOpen } = props;
  const { id, brain_id, job, name } = document;
  const copy = useCopy();
  const client = useQueryClient();
  const [asking, setAsking] = useState<'delete' | 'start' | null>(null);
  const [failure, setFailure] = useState<Error | null>(null);
  const state = documentState(document, copy, limits, now);

  const change = async (act: () => Promise<Job>) => {
    setFailure(null);
    try {
      const changed = await act();
      upsert<Document>(client, keys.documents(brain_id), { ...document, job: changed });
    } catch (error) {
      setFailure(error as Error);
    }
  };
  const readAgain = () => call('POST /v1/jobs/{job}/pages:retry', { params: { job: job.id }, body: {} });
  const acts: Record<Action, () => void> = {
    cancel: () => void change(() => call('POST /v1/jobs/{job}:cancel', { params: { job: job.id } })),
    confirm: () => setAsking('start'),
    'retry-pages': () => void change(readAgain),
    retry: () => void change(readAgain),
    open: onOpen,
    delete: () => setAsking('delete'),
    remove: () => void destroy(),
  };
  const destroy = async () => {
    focusNextRow(id);
    await change(() => call('DELETE /v1/documents/{document}', { params: { document: id } }));
  };
  const labels: Record<Action, string> = {
    cancel: copy.common.cancel,
    confirm: copy.common.start,
    'retry-pages': copy.documents.retryPages(job.progress.pages_failed),
    retry: job.status === 'canceled' ? copy.documents.startAgain : copy.common.tryAgain,
    open: copy.common.open,
    delete: copy.common.delete,
    remove: copy.common.remove,
  };
  // The name of a ready document opens it, so that its row needs no button.
  const cancelOnly = state.actions.length === 1 && state.actions[0] === 'cancel';
  const inRow = mayWrite && !cancelOnly ? state.actions.filter((action) => action !== 'open') : [];
  const mayDelete = mayWrite && !['canceling', 'failed', 'canceled'].includes(job.status) && job.kind === 'ingest';
  return (
    <Row
      name={name}
      tone={state.tone}
      text={state.text}
      bar={state.bar}
      position={props.position}
      onOpen={state.readable ? onOpen : undefined}
      onCancel={mayWrite && cancelOnly ? acts.cancel : undefined}
      menu={
        <span data-row={id}>
          <Menu
            trigger={
              <Button look="quiet" size="icon" aria-label={copy.documents.menu(name)} className="-my-1 -mr-2">
                <Ellipsis size={16} aria-hidden="true" />
              </Button>
            }
            groups={[
              state.readable ? [{ label: copy.common.open, onSelect: onOpen }] : [],
              [
                {
                  label: copy.documents.download,
                  icon: <Upload size={16} className="rotate-180" aria-hidden="true" />,
                  onSelect: () => location.assign(`/v1/documents/${id}/file`),
                },
              ],
              mayDelete
                ? [
                    {
                      label: copy.common.delete,
                      icon: <Trash2 size={16} aria-hidden="true" />,
                      danger: true,
                      onSelect: acts.delete,
                    },
                  ]
                : [],
            ]}
          />
          <Confirm
            open={asking === 'delete'}
            title={copy.documents.deleteTitle(name)}
            body={copy.documents.deleteBody}
            action={copy.common.delete}
            onConfirm={() => void destroy()}
            onClose={() => setAsking(null)}
          />
          <Confirm
            open={asking === 'start'}
            title={copy.documents.startTitle(name)}
            body={copy.documents.startBody(job.progress.pages_total ?? 0, priceOf(job), job.progress.eta_ms)}
            action={copy.common.start}
            look="primary"
            onConfirm={() => void change(() => call('POST /v1/jobs/{job}:confirm', { params: { job: job.id } }))}
            onClose={() => setAsking(null)}
          />
        </span>
      }
      actions={
        (inRow.length > 0 || failure) && (
          <>
            {inRow.map((action) => (
              <Button
                key={action}
                size="sm"
                look={action === 'confirm' ? 'primary' : 'plain'}
                onClick={acts[action]}
                aria-label={`${labels[action]}: ${name}`}
              >
                {labels[action]}
              </Button>
            ))}
            {failure && <Failure>{reasonOf(failure, copy)}</Failure>}
          </>
        )
      }
    />
  );
});

/** After a delete the row goes; the focus moves to the next one, or the one before. */
function focusNextRow(id: string): void {
  const rows = [...globalThis.document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.findIndex((row) => row.dataset.row === id);
  const next = rows[at + 1] ?? rows[at - 1];
  setTimeout(() => next?.querySelector('button')?.focus());
}
