-- Every entry says with which key it was asked for, and whether it only repeats what was paid before.
alter table ledger add column api_key_id uuid;
alter table ledger add column repeated boolean not null default false;
-- Not validated: every row there satisfies the narrower check before it.
alter table ledger drop constraint ledger_kind_check;
alter table ledger add constraint ledger_kind_check check (kind in ('pages', 'embedding_tokens', 'model_tokens_in',
  'model_tokens_out', 'rerank_calls', 'question', 'compute_ms', 'parser_calls', 'parser_pages')) not valid;

-- The call to the embedding that is under way, with the first chunk of its batch: found again after a crash, it was paid.
alter table documents add column vectors_call uuid;
alter table documents add column vectors_call_chunk text;

-- Whose key a job counts against, and when one that waits for another day goes on.
alter table jobs add column api_key_id uuid;
alter table jobs add column paused_until timestamptz;

-- Limits of a day beside pages and questions; null: none. Of a key they hold beside those of its tenant.
alter table tenants add column tokens_per_day_max bigint check (tokens_per_day_max >= 0);
alter table tenants add column usd_per_day_max numeric(14, 6) check (usd_per_day_max >= 0);
alter table api_keys add column pages_per_day_max bigint check (pages_per_day_max >= 0);
alter table api_keys add column questions_per_day_max bigint check (questions_per_day_max >= 0);
alter table api_keys add column tokens_per_day_max bigint check (tokens_per_day_max >= 0);
alter table api_keys add column usd_per_day_max numeric(14, 6) check (usd_per_day_max >= 0);

-- What work under way may still use. Gone with its end, or with its time when whoever did it is gone.
create table reservations (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  api_key_id uuid,
  tokens bigint not null check (tokens >= 0),
  usd numeric(14, 6) not null check (usd >= 0),
  expires_at timestamptz not null
);
create index reservations_tenant on reservations (tenant_id);
create index reservations_age on reservations (expires_at);

-- The same limits of the whole environment, as its settings say; one row.
create table environment_limits (
  id boolean primary key default true check (id),
  pages_per_day_max bigint check (pages_per_day_max >= 0),
  questions_per_day_max bigint check (questions_per_day_max >= 0),
  tokens_per_day_max bigint check (tokens_per_day_max >= 0),
  usd_per_day_max numeric(14, 6) check (usd_per_day_max >= 0)
);
insert into environment_limits default values;

-- A job that would go beyond a limit of the day waits for the next one. Vectors wait so too, while their job has ended.
-- Not validated: every row there satisfies the narrower check before it.
alter table jobs drop constraint jobs_status_check;
alter table jobs add constraint jobs_status_check check (status in ('awaiting_confirmation', 'paused', 'queued', 'running',
  'succeeded', 'partial', 'failed', 'canceling', 'canceled')) not valid;
alter table documents add column vectors_paused_until timestamptz;
comment on index jobs_reading is 'retired: jobs_unread took its place';
