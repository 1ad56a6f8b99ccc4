-- A role in PostgreSQL for each tier: what each may do with which table stands in services/api/roles.ts, which applies it
-- after every migration. These functions do, as the owner, the one thing of a guest's life that no tier may do by itself:
-- make a person with a session, and remove it. Only guests can come of it, and only guests can go by it.

create function enter_guest(guest uuid, brain uuid, token text, lifetime interval, model text, embedding_model text,
  embedding_dimensions integer)
returns void language sql security definer set search_path = public, pg_temp as $$
  insert into tenants (id, name, slug, metadata) values (guest, 'Guest', guest::text, 'guest');
  -- `.invalid` can never be anybody's (RFC 2606).
  insert into people (id, name, email) values (guest, 'Guest', guest || '@guest.invalid');
  insert into members (id, tenant_id, person_id, role, accepted_at)
    values (gen_random_uuid(), guest, guest, 'member', now());
  insert into sessions (id, token, person_id, tenant_id, confined_to, expires_at)
    values (gen_random_uuid(), token, guest, guest, array[guest], now() + lifetime);
  insert into brains (id, tenant_id, name, model, embedding_model, embedding_dimensions)
    values (brain, guest, 'Guest', model, embedding_model, embedding_dimensions);
$$;

-- All that is theirs goes along. Without an id: guests that a killed replica left behind.
create function leave_guest(guest uuid, older_than interval)
returns void language sql security definer set search_path = public, pg_temp as $$
  delete from people where email = id || '@guest.invalid' and exists (
    select from tenants where tenants.id = people.id and metadata = 'guest'
      and (tenants.id = guest or tenants.created_at < now() - older_than));
  delete from tenants where metadata = 'guest' and (id = guest or created_at < now() - older_than);
$$;

revoke execute on function enter_guest, leave_guest from public;
