/** Which model answers for a brain, and what its owner wants of every answer. Nothing where no model is configured. */
import { useQuery } from '@tanstack/react-query';
import { useId } from 'react';
import type { z } from 'zod';
import type { Brain } from '../../../shared/contract/brain.ts';
import type { model } from '../../../shared/contract/chat.ts';
import { type Copy, useCopy } from '../copy/index.tsx';
import { call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { inputLook, textOf } from '../parts/field.tsx';

type Model = z.output<typeof model>;

/** As in services/shared/contract/brain.ts, whose schemas are too heavy for the page. */
const instructionsCharactersMax = 2000;

export function ModelFields({ brain }: { brain: Brain | undefined }) {
  const copy = useCopy();
  const id = useId();
  const { data: models } = useQuery({
    queryKey: keys.models,
    queryFn: async () => (await call('GET /v1/chat/models')).data,
  });
  if (!models?.some(({ kind }) => kind === 'model')) return null;
  const own = brain?.model ?? '';
  const gone = own !== '' && !models.some((listed) => listed.id === own);
  return (
    <>
      <div>
        <label htmlFor={id} className="mb-1.5 block font-semibold">
          {copy.brains.model}
        </label>
        <select id={id} name="model" defaultValue={own} className={inputLook}>
          <option value="">{copy.brains.modelDefault(models[0]?.id ?? '')}</option>
          {models.map((listed) => (
            <option key={listed.id} value={listed.id}>
              {nameOf(listed, copy)}
            </option>
          ))}
          {gone && (
            <option value={own} disabled>
              {copy.brains.modelGone(own)}
            </option>
          )}
        </select>
      </div>
      <div>
        <label htmlFor={`${id}-instructions`} className="mb-1.5 block font-semibold">
          {copy.brains.instructions}
        </label>
        <textarea
          id={`${id}-instructions`}
          name="instructions"
          dir="auto"
          defaultValue={brain?.instructions}
          maxLength={instructionsCharactersMax}
          rows={3}
          className={`${inputLook} h-auto! py-2`}
        />
      </div>
    </>
  );
}

function nameOf({ id, kind, usd_per_million_tokens: price }: Model, copy: Copy): string {
  if (kind === 'extractive') return copy.brains.modelQuotes;
  return price ? copy.brains.modelPriced(id, price.in, price.out) : copy.brains.modelUnpriced(id);
}

/** What the form says of these fields; nothing where they are not shown. */
export const modelSettings = (form: FormData) => ({
  ...(form.has('model') && { model: textOf(form, 'model') || null }),
  ...(form.has('instructions') && { instructions: textOf(form, 'instructions') }),
});
