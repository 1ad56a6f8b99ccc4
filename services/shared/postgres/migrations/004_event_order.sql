-- The log of events is read by place, which is the order of (transaction_id, id): all of it, and one tenant's.
create index events_place on events (transaction_id, id);
create index events_tenant_place on events (tenant_id, transaction_id, id);
drop index events_tenant;
