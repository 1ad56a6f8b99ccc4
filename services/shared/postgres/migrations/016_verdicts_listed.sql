-- no transaction
-- Listed by tenant, newest first; most turns have none.
drop index concurrently if exists turns_verdict;
create index concurrently turns_verdict on turns (tenant_id, id) where verdict is not null;
