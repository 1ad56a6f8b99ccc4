-- Tasks that come by the clock: one row a task, with how it last ended. Bounded: a build has a handful of them.
create table scheduled_tasks (
  name text primary key,
  -- As in a crontab, UTC.
  schedule text not null,
  -- Raised when a build starts that has it; who lists them tells from it which are no longer there.
  declared_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  outcome text check (outcome in ('succeeded', 'failed')),
  error text,
  result jsonb,
  failures_in_a_row integer not null default 0
);
