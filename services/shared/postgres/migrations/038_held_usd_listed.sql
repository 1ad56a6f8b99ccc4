-- Jobs whose vectors are still to be paid, of all that a tenant ever had.
-- no transaction
drop index concurrently if exists jobs_embedding;
create index concurrently jobs_embedding on jobs (tenant_id, document_id) where embedding_usd_left > 0;
