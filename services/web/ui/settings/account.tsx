/** Name, address and password of the person. The first owner comes by a one-time link and sets all three here. */
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useCopy } from '../copy/index.tsx';
import { type BodyAt, call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { useMe } from '../data/queries.ts';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';
import { Check } from '../parts/icons.tsx';
import { Failure, reasonOf, Spinner } from '../parts/states.tsx';

export function Account() {
  const copy = useCopy();
  const client = useQueryClient();
  const { data: me } = useMe();
  const [state, setState] = useState<'idle' | 'busy' | 'done' | Error>('idle');
  const person = me?.person;
  if (!person) return null;
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const filled = [...new FormData(form)].filter(([, value]) => value !== '');
    // What it may be named stands in the form below.
    const given = Object.fromEntries(filled) as BodyAt<'POST /v1/auth/password:set'>;
    setState('busy');
    try {
      client.setQueryData(keys.me, await call('POST /v1/auth/password:set', { body: given }));
      form.reset();
      setState('done');
    } catch (error) {
      setState(error as Error);
    }
  };
  return (
    <form key={person.email} onSubmit={(event) => void submit(event)} className="flex max-w-md flex-col gap-5">
      <p className="text-muted">{copy.settings.signedInAs(person.name, person.email)}</p>
      <Field label={copy.settings.name} name="name" defaultValue={person.name} autoComplete="name" maxLength={120} />
      <Field
        label={copy.signIn.email}
        name="email"
        type="email"
        defaultValue={person.email}
        autoComplete="username"
        maxLength={254}
      />
      {person.has_password && (
        <Field
          label={copy.settings.currentPassword}
          name="current_password"
          type="password"
          autoComplete="current-password"
          required
        />
      )}
      <Field
        label={copy.settings.newPassword}
        name="new_password"
        type="password"
        autoComplete="new-password"
        minLength={10}
        maxLength={200}
        help={copy.settings.passwordRule}
        required
      />
      {state instanceof Error && <Failure>{reasonOf(state, copy)}</Failure>}
      <div className="flex flex-wrap items-center gap-4">
        <Button type="submit" look="primary" disabled={state === 'busy'}>
          {state === 'busy' && <Spinner />}
          {person.has_password ? copy.settings.changePassword : copy.settings.setPassword}
        </Button>
        <span role="status" className="flex items-center gap-2 text-ok">
          {state === 'done' && (
            <>
              <Check size={16} aria-hidden="true" />
              {copy.settings.passwordSet}
            </>
          )}
        </span>
      </div>
    </form>
  );
}
