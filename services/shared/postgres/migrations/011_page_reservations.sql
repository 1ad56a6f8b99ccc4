-- Pages that open jobs will read count against the tenant's daily quota (services/shared/quota.ts).
-- no transaction
drop index concurrently if exists jobs_reserving;
create index concurrently jobs_reserving on jobs (tenant_id) where kind = 'ingest' and pages_total is not null
  and status in ('awaiting_confirmation', 'queued', 'running', 'canceling');
