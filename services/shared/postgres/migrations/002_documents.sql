-- Brains, documents, jobs and the pages that are done.

create table brains (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  name text not null,
  description text not null default '',
  model text,
  -- Pinned: vectors of two models do not mix.
  embedding_model text not null,
  embedding_dimensions integer not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index brains_tenant on brains (tenant_id, id) where deleted_at is null;

create table documents (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  brain_id uuid not null references brains on delete cascade,
  name text not null,
  media_type text not null,
  size_bytes bigint not null,
  sha256 bytea not null,
  -- Key of the original in the object store.
  object_key text not null,
  -- Known after the probe.
  pages_total integer,
  uploaded_by uuid references people on delete set null,
  created_at timestamptz not null default now(),
  deleted_at timestamptz
);
-- The same content stands once in a brain.
create unique index documents_content on documents (brain_id, sha256) where deleted_at is null;
create index documents_brain on documents (brain_id, id) where deleted_at is null;
create index documents_tenant on documents (tenant_id) where deleted_at is null;

create table jobs (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  brain_id uuid not null references brains on delete cascade,
  document_id uuid references documents on delete cascade,
  kind text not null check (kind in ('ingest', 'delete_document', 'delete_brain')),
  status text not null check (status in
    ('awaiting_confirmation', 'queued', 'running', 'succeeded', 'partial', 'failed', 'canceling', 'canceled')),
  stage text check (stage in ('probing', 'parsing', 'indexing', 'deleting')),
  pages_total integer,
  -- Counted in the transaction that records the pages, so they never differ from the table below.
  pages_done integer not null default 0,
  pages_failed integer not null default 0,
  price_usd numeric(14, 6),
  -- Fence: raised when the job is taken over; a checkpoint with an older epoch is refused.
  epoch bigint not null default 0,
  attempt integer not null default 1,
  error jsonb,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  moved_at timestamptz not null default now(),
  finished_at timestamptz,
  expires_at timestamptz
);
create index jobs_tenant on jobs (tenant_id, id);
create index jobs_document on jobs (document_id, id);
create index jobs_unfinished on jobs (id) where status in ('queued', 'running', 'canceling');

-- One row per page that is done, well or badly: exactly once, whatever is granted twice.
create table pages (
  document_id uuid not null references documents on delete cascade,
  page_number integer not null check (page_number >= 1),
  epoch bigint not null,
  -- Key of the checkpoint object that holds this page's result, one object per grant.
  object_key text not null,
  error_code text,
  error_message text,
  created_at timestamptz not null default now(),
  primary key (document_id, page_number)
);
create index pages_failed on pages (document_id, page_number) where error_code is not null;

create table idempotency_keys (
  tenant_id uuid not null references tenants on delete cascade,
  key text not null,
  route text not null,
  fingerprint bytea not null,
  -- Null while the first request is still arriving.
  status integer,
  response jsonb,
  created_at timestamptz not null default now(),
  primary key (tenant_id, route, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

-- What everything cost. `key` makes an entry unique: written twice, it stands once.
create table ledger (
  key text primary key,
  tenant_id uuid not null references tenants on delete cascade,
  brain_id uuid,
  job_id uuid,
  turn_id uuid,
  kind text not null check (kind in ('pages', 'embedding_tokens', 'model_tokens_in', 'model_tokens_out', 'question')),
  amount bigint not null check (amount >= 0),
  cost_usd numeric(14, 6) not null default 0,
  created_at timestamptz not null default now()
);
create index ledger_tenant on ledger (tenant_id, kind, created_at);
create index ledger_job on ledger (job_id) where job_id is not null;

-- What watchers of GET /v1/events see. Payloads are made from the row's resource when they are sent.
create table events (
  id bigint generated always as identity primary key,
  tenant_id uuid not null references tenants on delete cascade,
  event text not null,
  resource_id uuid not null,
  -- For resources that are gone: what the event says.
  data jsonb,
  -- Set: only this person sees it.
  person_id uuid,
  -- Readers stop below the oldest transaction still open, so an event that commits late is never skipped.
  transaction_id xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default now()
);
create index events_tenant on events (tenant_id, id);
create index events_age on events (created_at);

create function notify_event() returns trigger language plpgsql as $$
begin
  perform pg_notify('events', new.tenant_id::text);
  return null;
end $$;
create trigger events_notify after insert on events for each row execute function notify_event();
