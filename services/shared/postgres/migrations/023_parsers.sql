-- Who reads a tenant's documents, of the parsers that the environment offers; null: the environment's.
alter table tenants add column parser text check (parser in ('built-in', 'docling', 'unstructured'));
-- What is wanted of a document beside its text.
alter table documents add column extract_images boolean not null default true;
alter table documents add column extract_tables boolean not null default false;
-- Where in a page's object the bytes of its pictures begin; null: none are kept.
alter table pages add column images_offset bigint check (images_offset >= 0);

-- Every request to a provider's parser, written down before it is sent, so that one whose worker was killed is counted.
create table parser_calls (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  job_id uuid not null references jobs on delete cascade,
  attempt integer not null,
  parser text not null,
  pages integer[] not null,
  -- Some of its pages were sent before, and a crash took the answer.
  repeated boolean not null,
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  outcome text check (outcome in ('answered', 'failed', 'refused', 'throttled', 'unreached', 'lost'))
);
create index parser_calls_job on parser_calls (job_id, attempt);
create index parser_calls_tenant on parser_calls (tenant_id);
create index parser_calls_open on parser_calls (started_at) where ended_at is null;

-- Not validated: every row there satisfies the narrower check before it.
alter table ledger drop constraint ledger_kind_check;
alter table ledger add constraint ledger_kind_check check (kind in ('pages', 'embedding_tokens', 'model_tokens_in',
  'model_tokens_out', 'question', 'compute_ms', 'parser_calls', 'parser_pages')) not valid;
