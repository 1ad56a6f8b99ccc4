-- Conversations, turns, and the events of a turn, written as they are streamed.

create table conversations (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  brain_id uuid not null references brains on delete cascade,
  person_id uuid references people on delete set null,
  api_key_id uuid references api_keys on delete set null,
  title text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index conversations_brain on conversations (brain_id, id);

create table turns (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  conversation_id uuid not null references conversations on delete cascade,
  question text not null,
  answer text not null default '',
  status text not null check (status in ('streaming', 'done', 'stopped', 'interrupted', 'failed')),
  answerer_kind text not null check (answerer_kind in ('model', 'extractive')),
  answerer_name text not null,
  answered boolean,
  citations jsonb not null default '[]',
  usage jsonb,
  unread_documents integer not null default 0,
  error jsonb,
  -- The replica that answers, and until when it is believed to live.
  replica text not null,
  lease_until timestamptz not null,
  stop_requested boolean not null default false,
  created_at timestamptz not null default now(),
  finished_at timestamptz
);
create index turns_conversation on turns (conversation_id, id);
create index turns_streaming on turns (lease_until) where status = 'streaming';

create table turn_events (
  turn_id uuid not null references turns on delete cascade,
  -- From 1, without gaps: the SSE id.
  place integer not null,
  event text not null,
  data jsonb not null,
  primary key (turn_id, place)
);
