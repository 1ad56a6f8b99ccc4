-- Who a session belongs to, for whoever shows its token. Chat asks this; with a right to read the table it could list
-- everybody's tokens, and would be everybody.

-- In PL/pgSQL its plan is kept; one in SQL would be planned at each call.
create function session_of(shown text)
returns table (person_id uuid, operator boolean, role text, tenant_id uuid, tenant_name text, suspended boolean)
language plpgsql stable security definer set search_path = public, pg_temp rows 1 as $$
begin
  -- The tenant that the session names; when the person is no longer in it, one of their others. A session that came
  -- without a proof of the address acts only where it was given, and never as the owner of the installation.
  return query
    select p.id, p.operator and s.confined_to is null, m.role, t.id, t.name, t.suspended_at is not null
    from sessions s
    join people p on p.id = s.person_id
    join members m on m.person_id = p.id and m.accepted_at is not null
      and (s.confined_to is null or m.tenant_id = any(s.confined_to))
    join tenants t on t.id = m.tenant_id
    where s.token = shown and s.expires_at > now()
    order by m.tenant_id is not distinct from s.tenant_id desc, t.suspended_at is not null, m.created_at
    limit 1;
end $$;

revoke execute on function session_of from public;
