-- Where a tenant's own systems are told that the job of a document has ended. What is to be sent is a row of the same
-- transaction as the job's end, by whomever it ends; document-workers send it (services/document-worker/webhooks).

create table webhooks (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  url text not null,
  events text[] not null,
  created_at timestamptz not null default now(),
  -- Nothing is written down or sent for it since.
  disabled_at timestamptz,
  disabled_reason text check (disabled_reason in ('person', 'gone', 'failing')),
  -- One worker sends at a time; should it be killed, another may after that.
  sending_until timestamptz,
  -- A receiver that fails is left alone until then.
  paused_until timestamptz,
  failures_in_a_row integer not null default 0,
  -- When it last took something.
  delivered_at timestamptz
);
create index webhooks_tenant on webhooks (tenant_id);

-- Apart from the webhooks: the api makes secrets and cannot read them. After a rotation two of them sign.
create table webhook_secrets (
  id uuid primary key default gen_random_uuid(),
  webhook_id uuid not null references webhooks on delete cascade,
  secret text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
create index webhook_secrets_webhook on webhook_secrets (webhook_id);

create table webhook_deliveries (
  -- Sent as `webhook-id`, the same with every attempt.
  id uuid primary key,
  webhook_id uuid not null references webhooks on delete cascade,
  event text not null,
  job_id uuid,
  -- The very bytes that are sent.
  body text not null,
  status text not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  last_attempt_at timestamptz,
  last_status integer,
  last_error text,
  created_at timestamptz not null default now(),
  finished_at timestamptz
);
create index webhook_deliveries_due on webhook_deliveries (webhook_id, next_attempt_at) where status = 'pending';
create index webhook_deliveries_listed on webhook_deliveries (webhook_id, id);
create index webhook_deliveries_created on webhook_deliveries (created_at);

-- A UUIDv7 (RFC 9562): PostgreSQL makes them itself from version 18 on only.
create function time_ordered_uuid() returns uuid language sql volatile as $$
  select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
    52, 1), 53, 1), 'hex')::uuid
$$;

-- Ids and figures, no name and no text of the document: a row may outlive it. As the owner, whoever ends the job.
create function record_webhook_deliveries() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  name text := case new.status when 'failed' then 'document.failed' when 'canceled' then 'document.canceled'
    else 'document.ready' end;
begin
  insert into webhook_deliveries (id, webhook_id, event, job_id, body)
  select time_ordered_uuid(), w.id, name, new.id, json_build_object(
    'type', name,
    'timestamp', to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'data', json_build_object('tenant_id', new.tenant_id, 'brain_id', new.brain_id, 'document_id', new.document_id,
      'job_id', new.id, 'status', new.status, 'attempt', new.attempt, 'pages_total', new.pages_total,
      'pages_done', new.pages_done, 'pages_failed', new.pages_failed, 'error', new.error))::text
  from webhooks w
  where w.tenant_id = new.tenant_id and w.disabled_at is null and name = any(w.events)
  -- Each orders a task of its webhook, which stays locked: in one order, or two jobs that end wait for each other.
  order by w.id;
  return null;
end $$;

create trigger webhook_deliveries after update of status on jobs for each row
  when (new.kind = 'ingest' and new.status in ('succeeded', 'partial', 'failed', 'canceled')
    and old.status is distinct from new.status)
  execute function record_webhook_deliveries();

-- Workers begin when the transaction commits.
create function order_webhook_delivery() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
  perform graphile_worker.add_job('send_webhooks', json_build_object('webhookId', new.webhook_id),
    job_key := 'webhook:' || new.webhook_id);
  return null;
end $$;

create trigger send_webhooks after insert on webhook_deliveries for each row execute function order_webhook_delivery();

revoke execute on function record_webhook_deliveries, order_webhook_delivery, time_ordered_uuid from public;
