/** Where the tenant's own systems are told that documents are ready. */
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Webhook, WebhookWithSecret } from '../../../shared/contract/routes/webhook-routes.ts';
import { useCopy } from '../copy/index.tsx';
import { type BodyAt, call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { everything, useChange } from '../data/queries.ts';
import { Button } from '../parts/button.tsx';
import { Confirm, Dialog } from '../parts/dialog.tsx';
import { Field, textOf } from '../parts/field.tsx';
import { Plus } from '../parts/icons.tsx';
import { Failure, LoadError, reasonOf, Skeleton } from '../parts/states.tsx';
import { Secret } from './secret.tsx';

/** While something waits to be sent, the list is fetched again after so long: no event tells of deliveries. */
const refetchMs = 3000;

export default function Webhooks() {
  const copy = useCopy();
  const words = copy.settings.webhooks;
  const { data, error, refetch } = useQuery({
    queryKey: keys.webhooks,
    queryFn: () => everything((query) => call('GET /v1/webhooks', { query })),
    staleTime: 0,
  });
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<WebhookWithSecret | null>(null);
  const [deleting, setDeleting] = useState<Webhook | null>(null);
  const [opened, setOpened] = useState<string | null>(null);
  const rotate = useChange(
    (id: string) => call('POST /v1/webhooks/{webhook}:rotate', { params: { webhook: id } }),
    [keys.webhooks],
  );
  const remove = useChange(
    (id: string) => call('DELETE /v1/webhooks/{webhook}', { params: { webhook: id } }),
    [keys.webhooks],
  );
  const test = useChange(
    (id: string) => call('POST /v1/webhooks/{webhook}:test', { params: { webhook: id } }),
    [keys.deliveries],
  );
  const enable = useChange(
    ({ id, enabled }: { id: string; enabled: boolean }) =>
      call('PATCH /v1/webhooks/{webhook}', { params: { webhook: id }, body: { enabled } }),
    [keys.webhooks],
  );
  if (error) return <LoadError error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton />;
  const failure = rotate.error ?? remove.error ?? test.error ?? enable.error;
  return (
    <>
      {data.length === 0 ? (
        <p className="mb-6 text-muted">{words.none}</p>
      ) : (
        <ul className="mb-6 divide-y divide-line border-y border-line">
          {data.map((hook) => (
            <li key={hook.id} className="py-3">
              <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
                <div className="min-w-0 flex-1 basis-64">
                  <p className="break-all font-semibold">{hook.url}</p>
                  <p className="text-xs text-muted">
                    {words.lastDelivered(hook.delivered_at ? copy.common.ago(hook.delivered_at) : copy.common.never)}
                  </p>
                  {hook.disabled_reason && <p className="text-xs text-warn">{words.disabled[hook.disabled_reason]}</p>}
                  {!hook.disabled_at && hook.failures_in_a_row > 0 && (
                    <p className="text-xs text-warn">{words.failures(hook.failures_in_a_row)}</p>
                  )}
                </div>
                {hook.disabled_at ? (
                  <Button
                    size="sm"
                    aria-label={`${words.enable}: ${hook.url}`}
                    onClick={() => enable.mutate({ id: hook.id, enabled: true })}
                  >
                    {words.enable}
                  </Button>
                ) : (
                  <Button
                    size="sm"
                    aria-label={`${words.test}: ${hook.url}`}
                    onClick={() => test.mutate(hook.id, { onSuccess: () => setOpened(hook.id) })}
                  >
                    {words.test}
                  </Button>
                )}
                <Button
                  size="sm"
                  aria-label={`${words.deliveries}: ${hook.url}`}
                  aria-expanded={opened === hook.id}
                  onClick={() => setOpened(opened === hook.id ? null : hook.id)}
                >
                  {words.deliveries}
                </Button>
                <Button
                  size="sm"
                  aria-label={`${words.rotate}: ${hook.url}`}
                  title={words.rotateBody}
                  onClick={() => rotate.mutate(hook.id, { onSuccess: setMade })}
                >
                  {words.rotate}
                </Button>
                <Button
                  size="sm"
                  look="danger"
                  aria-label={`${words.delete}: ${hook.url}`}
                  onClick={() => setDeleting(hook)}
                >
                  {words.delete}
                </Button>
              </div>
              {opened === hook.id && <Deliveries webhook={hook.id} />}
            </li>
          ))}
        </ul>
      )}
      {failure && (
        <div className="mb-4">
          <Failure>{reasonOf(failure, copy)}</Failure>
        </div>
      )}
      <Button look="primary" onClick={() => setAdding(true)}>
        <Plus size={18} aria-hidden="true" />
        {words.add}
      </Button>
      {adding && (
        <AddWebhook
          onClose={() => setAdding(false)}
          onMade={(hook) => {
            setAdding(false);
            setMade(hook);
          }}
        />
      )}
      {made && (
        <Secret title={words.secret} body={words.secretBody} secret={made.secret} onClose={() => setMade(null)} />
      )}
      <Confirm
        open={deleting !== null}
        title={words.deleteTitle}
        body={words.deleteBody(deleting?.url ?? '')}
        action={words.delete}
        onConfirm={() => deleting && remove.mutate(deleting.id)}
        onClose={() => setDeleting(null)}
      />
    </>
  );
}

function Deliveries({ webhook }: { webhook: string }) {
  const copy = useCopy();
  const words = copy.settings.webhooks;
  const { data, error, refetch } = useQuery({
    queryKey: [...keys.deliveries, webhook],
    queryFn: () => call('GET /v1/webhooks/{webhook}/deliveries', { params: { webhook }, query: { limit: 20 } }),
    staleTime: 0,
    refetchInterval: ({ state }) => (state.data?.data.some(({ status }) => status === 'pending') ? refetchMs : false),
  });
  if (error) return <LoadError error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton />;
  if (data.data.length === 0) return <p className="mt-3 text-xs text-muted">{words.noDeliveries}</p>;
  return (
    <ul className="mt-3 flex flex-col gap-1 text-xs">
      {data.data.map((delivery) => (
        <li key={delivery.id} className="flex flex-wrap gap-x-3 text-muted">
          <code className="font-mono">{delivery.event}</code>
          <span className={delivery.status === 'delivered' ? '' : 'text-warn'}>{words.status[delivery.status]}</span>
          <span>{words.attempts(delivery.attempts)}</span>
          <span>{copy.common.ago(delivery.created_at)}</span>
          {delivery.last_error && <span className="basis-full break-words">{delivery.last_error}</span>}
        </li>
      ))}
    </ul>
  );
}

function AddWebhook({ onClose, onMade }: { onClose: () => void; onMade: (hook: WebhookWithSecret) => void }) {
  const copy = useCopy();
  const words = copy.settings.webhooks;
  const create = useChange((body: BodyAt<'POST /v1/webhooks'>) => call('POST /v1/webhooks', { body }), [keys.webhooks]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    create.mutate({ url: textOf(new FormData(event.currentTarget), 'url') }, { onSuccess: onMade });
  };
  return (
    <Dialog open onClose={onClose} title={words.add}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <p className="text-muted">{words.addBody}</p>
        <Field label={words.url} name="url" type="url" required maxLength={500} autoComplete="off" />
        {create.error && <Failure>{reasonOf(create.error, copy)}</Failure>}
        <div className="mt-2 flex justify-end gap-2">
          <Button onClick={onClose}>{copy.common.cancel}</Button>
          <Button type="submit" look="primary" disabled={create.isPending}>
            {copy.common.create}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
