/** Makes a brain, or changes its settings. */
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import type { Brain } from '../../../shared/contract/brain.ts';
import { useCopy } from '../copy/index.tsx';
import { call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { upsert } from '../data/lists.ts';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Field, textOf } from '../parts/field.tsx';
import { Failure, reasonOf, Spinner } from '../parts/states.tsx';
import { ModelFields, modelSettings } from './model-fields.tsx';

export function BrainDialog({ brain, onClose }: { brain?: Brain; onClose: () => void }) {
  const copy = useCopy();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Error | null>(null);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = { name: textOf(form, 'name'), description: textOf(form, 'description'), ...modelSettings(form) };
    setBusy(true);
    setFailure(null);
    try {
      const saved = brain
        ? await call('PATCH /v1/brains/{brain}', { params: { brain: brain.id }, body })
        : await call('POST /v1/brains', { body });
      upsert(client, keys.brains, saved);
      if (brain) onClose();
      else navigate(`/b/${saved.id}`);
    } catch (error) {
      setFailure(error as Error);
      setBusy(false);
    }
  };
  return (
    <Dialog open onClose={onClose} title={brain ? copy.brains.settingsTitle : copy.brains.create}>
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
        <Field
          label={copy.brains.name}
          name="name"
          defaultValue={brain?.name}
          placeholder={copy.brains.namePlaceholder}
          maxLength={120}
          required
          autoComplete="off"
        />
        <Field
          label={copy.brains.description}
          name="description"
          defaultValue={brain?.description}
          maxLength={2000}
          autoComplete="off"
        />
        <ModelFields brain={brain} />
        {failure && <Failure>{reasonOf(failure, copy)}</Failure>}
        <div className="mt-2 flex justify-end gap-2">
          <Button onClick={onClose}>{copy.common.cancel}</Button>
          <Button type="submit" look="primary" disabled={busy}>
            {busy && <Spinner />}
            {brain ? copy.common.save : copy.common.create}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
