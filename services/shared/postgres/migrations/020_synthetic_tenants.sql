-- The life of a synthetic tenant (012_roles.sql) under the field's words: the only person and session that a tier but the
-- api may make and remove. What the rows hold stays ('guest'): the release before finds and removes them by it.

create function create_synthetic_tenant(tenant uuid, brain uuid, token text, lifetime interval, model text,
  embedding_model text, embedding_dimensions integer)
returns void language sql security definer set search_path = public, pg_temp as $$
  insert into tenants (id, name, slug, metadata) values (tenant, 'Synthetic', tenant::text, 'guest');
  -- `.invalid` can never be anybody's (RFC 2606).
  insert into people (id, name, email) values (tenant, 'Synthetic', tenant || '@guest.invalid');
  insert into members (id, tenant_id, person_id, role, accepted_at)
    values (gen_random_uuid(), tenant, tenant, 'member', now());
  insert into sessions (id, token, person_id, tenant_id, confined_to, expires_at)
    values (gen_random_uuid(), token, tenant, tenant, array[tenant], now() + lifetime);
  insert into brains (id, tenant_id, name, model, embedding_model, embedding_dimensions)
    values (brain, tenant, 'Synthetic', model, embedding_model, embedding_dimensions);
$$;

-- All that is theirs goes along. Without an id: those that a killed replica left behind.
create function delete_synthetic_tenants(tenant uuid, older_than interval)
returns void language sql security definer set search_path = public, pg_temp as $$
  delete from people where email = id || '@guest.invalid' and exists (
    select from tenants where tenants.id = people.id and metadata = 'guest'
      and (tenants.id = tenant or tenants.created_at < now() - older_than));
  delete from tenants where metadata = 'guest' and (id = tenant or created_at < now() - older_than);
$$;

revoke execute on function create_synthetic_tenant, delete_synthetic_tenants from public;

-- What no code uses any more. The release before still may, so a later one drops it:
-- docs/decisions/2026-11-28-what-is-retired-goes-one-release-later.md
comment on function enter_guest is 'retired: create_synthetic_tenant took its place';
comment on function leave_guest is 'retired: delete_synthetic_tenants took its place';
comment on table invitations is 'retired: nothing ever wrote to it';
