-- How far each bounded sweep has come: its next run goes on there.
create table sweeps (
  name text primary key,
  place text not null,
  updated_at timestamptz not null default now()
);
