-- no transaction
-- Each tenant's oldest are looked for, tenant after tenant; most documents have their vectors.
drop index concurrently if exists documents_vectors_pending;
create index concurrently documents_vectors_pending on documents (tenant_id, id) where vectors_pending;
