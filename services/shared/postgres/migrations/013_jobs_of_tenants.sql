-- A job may belong to a tenant alone, and one that removes a tenant is read after the tenant is gone. Jobs of a brain still
-- go with it, and brains with their tenant.
alter table jobs alter column brain_id drop not null;
alter table jobs drop constraint jobs_tenant_id_fkey;
