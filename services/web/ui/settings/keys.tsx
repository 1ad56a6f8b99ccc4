/** Keys that programs sign in with. */
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { ApiKey, Scope } from '../../../shared/contract/people.ts';
import { useCopy } from '../copy/index.tsx';
import { type BodyAt, call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { everything, useChange } from '../data/queries.ts';
import { Button } from '../parts/button.tsx';
import { Confirm, Dialog } from '../parts/dialog.tsx';
import { Field, textOf } from '../parts/field.tsx';
import { Plus } from '../parts/icons.tsx';
import { Failure, LoadError, reasonOf, Skeleton } from '../parts/states.tsx';
import { DayQuotaFields, DayQuotaText, readDayQuotas } from './quota-fields.tsx';
import { Secret } from './secret.tsx';

type NewKey = ApiKey & { secret: string };
const scopes: readonly Scope[] = ['documents:read', 'documents:write', 'chat', 'admin'];

export default function Keys() {
  const copy = useCopy();
  const words = copy.settings;
  const { data, error, refetch } = useQuery({
    queryKey: keys.apiKeys,
    queryFn: () => everything((query) => call('GET /v1/keys', { query })),
    staleTime: 0,
  });
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<NewKey | null>(null);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const rotate = useChange((id: string) => call('POST /v1/keys/{key}:rotate', { params: { key: id } }), [keys.apiKeys]);
  const revoke = useChange((id: string) => call('DELETE /v1/keys/{key}', { params: { key: id } }), [keys.apiKeys]);
  if (error) return <LoadError error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton />;
  const failure = rotate.error ?? revoke.error;
  return (
    <>
      {data.length === 0 ? (
        <p className="mb-6 text-muted">{words.noKeys}</p>
      ) : (
        <ul className="mb-6 divide-y divide-line border-y border-line">
          {data.map((key) => (
            <li key={key.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 py-3">
              <div className="min-w-0 flex-1 basis-64">
                <p className={`font-semibold ${key.revoked_at ? 'line-through' : ''}`}>{key.name}</p>
                <p className="text-xs text-muted">
                  <code className="font-mono">{key.prefix}…</code> · {key.scopes.map((s) => words.scopes[s]).join(', ')}
                </p>
                <p className="text-xs text-muted">
                  {words.keyLastUsed(key.last_used_at ? copy.common.ago(key.last_used_at) : copy.common.never)}
                  {key.expires_at && ` · ${words.keyExpires(copy.common.date(key.expires_at))}`}
                </p>
                <DayQuotaText quotas={key.quotas} />
              </div>
              {key.revoked_at ? (
                <span className="text-muted">{words.keyRevoked}</span>
              ) : (
                <>
                  <Button
                    size="sm"
                    aria-label={`${words.keyRotate}: ${key.name}`}
                    title={words.keyRotateBody}
                    onClick={() => rotate.mutate(key.id, { onSuccess: setMade })}
                  >
                    {words.keyRotate}
                  </Button>
                  <Button
                    size="sm"
                    look="danger"
                    aria-label={`${words.keyRevoke}: ${key.name}`}
                    onClick={() => setRevoking(key)}
                  >
                    {words.keyRevoke}
                  </Button>
                </>
              )}
            </li>
          ))}
        </ul>
      )}
      {failure && (
        <div className="mb-4">
          <Failure>{reasonOf(failure, copy)}</Failure>
        </div>
      )}
      <Button look="primary" onClick={() => setCreating(true)}>
        <Plus size={18} aria-hidden="true" />
        {words.createKey}
      </Button>
      {creating && (
        <CreateKey
          onClose={() => setCreating(false)}
          onMade={(key) => {
            setCreating(false);
            setMade(key);
          }}
        />
      )}
      {made && <Secret title={made.name} body={words.keyCreated} secret={made.secret} onClose={() => setMade(null)} />}
      <Confirm
        open={revoking !== null}
        title={words.keyRevokeTitle(revoking?.name ?? '')}
        body={words.keyRevokeBody}
        action={words.keyRevoke}
        onConfirm={() => revoking && revoke.mutate(revoking.id)}
        onClose={() => setRevoking(null)}
      />
    </>
  );
}

function CreateKey({ onClose, onMade }: { onClose: () => void; onMade: (key: NewKey) => void }) {
  const copy = useCopy();
  const create = useChange((body: BodyAt<'POST /v1/keys'>) => call('POST /v1/keys', { body }), [keys.apiKeys]);
  const [chosen, setChosen] = useState<readonly Scope[]>(['documents:read', 'chat']);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    create.mutate(
      { name: textOf(form, 'name'), scopes: [...chosen], quotas: readDayQuotas(form) },
      { onSuccess: onMade },
    );
  };
  return (
    <Dialog open onClose={onClose} title={copy.settings.createKey}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label={copy.settings.name} name="name" required maxLength={120} autoComplete="off" />
        <fieldset>
          <legend className="mb-1.5 font-semibold">{copy.settings.scopesTitle}</legend>
          {scopes.map((scope) => (
            <label key={scope} className="flex min-h-8 items-center gap-2.5 pointer-coarse:min-h-11">
              <input
                type="checkbox"
                checked={chosen.includes(scope)}
                onChange={({ target }) =>
                  setChosen(target.checked ? [...chosen, scope] : chosen.filter((other) => other !== scope))
                }
                className="size-4 accent-accent"
              />
              {copy.settings.scopes[scope]}
            </label>
          ))}
        </fieldset>
        <fieldset>
          <legend className="font-semibold">{copy.settings.keyLimits}</legend>
          <p className="mb-3 text-xs text-muted">{copy.settings.keyLimitsHelp}</p>
          <div className="grid grid-cols-2 gap-4">
            <DayQuotaFields />
          </div>
        </fieldset>
        {create.error && <Failure>{reasonOf(create.error, copy)}</Failure>}
        <div className="mt-2 flex justify-end gap-2">
          <Button onClick={onClose}>{copy.common.cancel}</Button>
          <Button type="submit" look="primary" disabled={create.isPending || chosen.length === 0}>
            {copy.common.create}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
