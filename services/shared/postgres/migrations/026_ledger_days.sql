-- What a whole environment used today is summed from this index alone; and jobs_reading with those that are paused.
-- no transaction
drop index concurrently if exists ledger_days;
create index concurrently ledger_days on ledger (created_at) include (tenant_id, api_key_id, kind, amount, cost_usd, repeated);
drop index concurrently if exists jobs_unread;
create index concurrently jobs_unread on jobs (brain_id)
  where kind = 'ingest' and status in ('awaiting_confirmation', 'paused', 'queued', 'running');
-- Looked for by every worker, every few seconds.
drop index concurrently if exists jobs_paused;
create index concurrently jobs_paused on jobs (paused_until) where status = 'paused';
