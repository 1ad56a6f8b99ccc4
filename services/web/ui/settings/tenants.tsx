/** For operators of the installation: all tenants, their limits, and stopping one. */
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Quotas, Tenant } from '../../../shared/contract/people.ts';
import { useCopy } from '../copy/index.tsx';
import { type BodyAt, call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { everything, useChange, useMe } from '../data/queries.ts';
import { Button } from '../parts/button.tsx';
import { Confirm, Dialog } from '../parts/dialog.tsx';
import { Field, inputLook, textOf } from '../parts/field.tsx';
import { Plus } from '../parts/icons.tsx';
import { Failure, LoadError, reasonOf, Skeleton } from '../parts/states.tsx';
import { Usage } from './limits.tsx';
import { AmountField, DayQuotaFields, readAmount, readDayQuotas, readNumber } from './quota-fields.tsx';

export default function Tenants() {
  const copy = useCopy();
  const words = copy.settings;
  const { data, error, refetch } = useQuery({
    queryKey: keys.tenants,
    queryFn: () => everything((query) => call('GET /v1/tenants', { query })),
    staleTime: 0,
  });
  const [editing, setEditing] = useState<Tenant | 'new' | null>(null);
  const [suspending, setSuspending] = useState<Tenant | null>(null);
  const suspend = useChange(
    ({ id, suspended }: { id: string; suspended: boolean }) =>
      call('PATCH /v1/tenants/{tenant}', { params: { tenant: id }, body: { suspended } }),
    [keys.tenants],
  );
  if (error) return <LoadError error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton />;
  return (
    <>
      <ul className="mb-6 flex flex-col gap-4">
        {data.map((tenant) => (
          <li key={tenant.id} className="rounded-lg border border-line p-4">
            <div className="mb-4 flex flex-wrap items-center gap-2">
              <h3 className="mr-auto font-semibold">
                {tenant.name}
                {tenant.suspended_at && <span className="ml-2 font-normal text-bad">{words.suspended}</span>}
              </h3>
              <Button size="sm" aria-label={`${words.limits}: ${tenant.name}`} onClick={() => setEditing(tenant)}>
                {words.limits}
              </Button>
              {tenant.suspended_at ? (
                <Button
                  size="sm"
                  aria-label={`${words.resume}: ${tenant.name}`}
                  onClick={() => suspend.mutate({ id: tenant.id, suspended: false })}
                >
                  {words.resume}
                </Button>
              ) : (
                <Button
                  size="sm"
                  look="danger"
                  aria-label={`${words.suspend}: ${tenant.name}`}
                  onClick={() => setSuspending(tenant)}
                >
                  {words.suspend}
                </Button>
              )}
            </div>
            <Usage tenant={tenant} />
          </li>
        ))}
      </ul>
      {suspend.error && (
        <div className="mb-4">
          <Failure>{reasonOf(suspend.error, copy)}</Failure>
        </div>
      )}
      <Button look="primary" onClick={() => setEditing('new')}>
        <Plus size={18} aria-hidden="true" />
        {words.createTenant}
      </Button>
      {editing && <TenantDialog tenant={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      <Confirm
        open={suspending !== null}
        title={words.suspendTitle(suspending?.name ?? '')}
        body={words.suspendBody}
        action={words.suspend}
        onConfirm={() => suspending && suspend.mutate({ id: suspending.id, suspended: true })}
        onClose={() => setSuspending(null)}
      />
    </>
  );
}

function TenantDialog({ tenant, onClose }: { tenant: Tenant | null; onClose: () => void }) {
  const copy = useCopy();
  const { data: me } = useMe();
  const parsers = me?.parsers ?? [];
  // The tenant's own stands there too when it is not offered any more; it is sent only when another is chosen.
  const chosen = tenant?.parser ?? '';
  const shown = [...new Set([...parsers, ...(tenant?.parser ? [tenant.parser] : [])])];
  const words = copy.settings;
  const save = useChange(
    (body: BodyAt<'POST /v1/tenants'>) =>
      tenant
        ? call('PATCH /v1/tenants/{tenant}', { params: { tenant: tenant.id }, body })
        : call('POST /v1/tenants', { body }),
    [keys.tenants],
  );
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = {
      name: textOf(form, 'name'),
      quotas: readQuotas(form),
      models_allowed: readModels(form),
      confirm_pages_above: readNumber(form, 'confirm_pages_above'),
      confirm_usd_above: readAmount(form, 'confirm_usd_above'),
      ...(parsers.length > 1 &&
        form.get('parser') !== chosen && {
          // Of those that the list offers.
          parser: (textOf(form, 'parser') || null) as Tenant['parser'],
        }),
    };
    save.mutate(body, { onSuccess: onClose });
  };
  const quotas = tenant?.quotas;
  return (
    <Dialog open onClose={onClose} title={tenant ? words.limits : words.createTenant}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label={words.name} name="name" defaultValue={tenant?.name} required maxLength={120} autoComplete="off" />
        <p className="text-xs text-muted">{words.limitsHelp}</p>
        <div className="grid grid-cols-2 gap-4">
          <AmountField label={words.documentsField} name="documents_max" value={quotas?.documents_max} />
          <AmountField
            label={words.bytesField}
            name="bytes_max"
            value={quotas?.bytes_max && Math.round(quotas.bytes_max / 1e6)}
          />
          <DayQuotaFields quotas={quotas} />
        </div>
        <Field
          label={words.confirmField}
          help={words.confirmHelp}
          name="confirm_pages_above"
          type="number"
          min={1}
          step={1}
          defaultValue={tenant?.confirm_pages_above ?? ''}
        />
        <Field
          label={words.confirmUsdField}
          help={words.confirmUsdHelp}
          name="confirm_usd_above"
          type="number"
          min={0}
          step="any"
          defaultValue={tenant?.confirm_usd_above ?? ''}
        />
        {parsers.length > 1 && (
          <div>
            <label htmlFor="tenant-parser" className="mb-1.5 block font-semibold">
              {words.parserField}
            </label>
            <select
              id="tenant-parser"
              name="parser"
              defaultValue={chosen}
              aria-describedby="tenant-parser-help"
              className={inputLook}
            >
              <option value="">{words.parserDefault(parsers.at(-1) ?? '')}</option>
              {shown.map((name) => (
                <option key={name} value={name}>
                  {words.parsers[name]}
                </option>
              ))}
            </select>
            <p id="tenant-parser-help" className="mt-1.5 text-xs text-muted">
              {words.parserHelp}
            </p>
          </div>
        )}
        <Field
          label={words.modelsField}
          help={words.modelsHelp}
          name="models_allowed"
          defaultValue={tenant?.models_allowed?.join(', ')}
          autoComplete="off"
        />
        {save.error && <Failure>{reasonOf(save.error, copy)}</Failure>}
        <div className="mt-2 flex justify-end gap-2">
          <Button onClick={onClose}>{copy.common.cancel}</Button>
          <Button type="submit" look="primary" disabled={save.isPending}>
            {copy.common.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Separated by commas; empty is all of the installation's. */
function readModels(form: FormData): Tenant['models_allowed'] {
  const names = textOf(form, 'models_allowed').split(',');
  const given = names.map((name) => name.trim()).filter((name) => name !== '');
  return given.length > 0 ? given : null;
}

/** Storage is typed in MB and sent in bytes. */
const readQuotas = (form: FormData): Quotas => ({
  documents_max: readNumber(form, 'documents_max'),
  bytes_max: readNumber(form, 'bytes_max', 1e6),
  ...readDayQuotas(form),
});
