-- What each replica told of itself: a row a minute, for a day, by when it was last told. Bounded by the clean-up of every
-- hour: 20 replicas are 30,000 rows of about a kilobyte. Nothing of it is about a tenant.
create table replica_minutes (
  tier text not null,
  replica text not null,
  minute timestamptz not null,
  reported_at timestamptz not null default now(),
  started_at timestamptz not null,
  version text not null,
  -- By the names of services/metrics.ts.
  figures jsonb not null,
  primary key (minute, tier, replica)
);
