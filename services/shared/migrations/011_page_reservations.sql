-- Pages that open jobs will read count against the tenant's daily quota (services/shared/quota.ts).
create index jobs_reserving on jobs (tenant_id) where kind = 'ingest' and pages_total is not null
  and status in ('awaiting_confirmation', 'queued', 'running', 'canceling');
