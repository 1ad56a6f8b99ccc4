-- Who may do what. Migrations only expand; contracting waits for the next release.

-- Tables of better-auth: people, sessions, accounts, verifications, tenants, members.
create table people (
  id uuid primary key,
  name text not null,
  email text not null unique,
  email_verified boolean not null default false,
  image text,
  -- The owner of this installation: may make, suspend and limit tenants.
  operator boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table tenants (
  id uuid primary key,
  name text not null,
  slug text not null unique,
  logo text,
  metadata text,
  suspended_at timestamptz,
  documents_max bigint,
  bytes_max bigint,
  pages_per_day_max bigint,
  questions_per_day_max bigint,
  created_at timestamptz not null default now()
);

create table members (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  person_id uuid not null references people on delete cascade,
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  created_at timestamptz not null default now(),
  unique (tenant_id, person_id)
);
create index members_person on members (person_id);

create table sessions (
  id uuid primary key,
  token text not null unique,
  person_id uuid not null references people on delete cascade,
  tenant_id uuid references tenants on delete set null,
  expires_at timestamptz not null,
  ip_address text,
  user_agent text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index sessions_person on sessions (person_id);

create table accounts (
  id uuid primary key,
  account_id text not null,
  provider_id text not null,
  person_id uuid not null references people on delete cascade,
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamptz,
  refresh_token_expires_at timestamptz,
  scope text,
  password text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index accounts_person on accounts (person_id);

create table verifications (
  id uuid primary key,
  identifier text not null,
  value text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index verifications_identifier on verifications (identifier);

create table invitations (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  email text not null,
  role text,
  status text not null default 'pending',
  expires_at timestamptz not null,
  inviter_id uuid not null references people on delete cascade,
  created_at timestamptz not null default now()
);

-- One-time sign-in links: only the hash of the token is kept.
create table sign_in_links (
  token_sha256 bytea primary key,
  person_id uuid not null references people on delete cascade,
  expires_at timestamptz not null,
  created_at timestamptz not null default now()
);

create table api_keys (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  created_by uuid references people on delete set null,
  name text not null,
  prefix text not null,
  secret_sha256 bytea not null unique,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_keys_tenant on api_keys (tenant_id, id);
