-- Who proved what. Whoever adds an address has not proven it: a membership counts once the person accepted it, and
-- sessions and passwords that came without a proof of the address act only where they were given.

alter table members
  -- Null: added, but not accepted yet.
  add column accepted_at timestamptz,
  -- What this tenant calls the person until they prove their address; people.name may be another tenant's word.
  add column name text;
update members set accepted_at = created_at;

-- Tenants that it may act in. Null: wherever the person is a member, since it came with a proof of the address.
alter table sessions add column confined_to uuid[] default '{}';
alter table accounts add column confined_to uuid[] default '{}';
-- What was there before is worth what its oldest tenant gave; the owner of the installation and OIDC proved more.
update sessions s set confined_to = case
  when (select operator from people where id = s.person_id) then null
  else array(select tenant_id from members where person_id = s.person_id order by created_at limit 1) end;
update accounts a set confined_to = case
  when provider_id <> 'credential' or (select operator from people where id = a.person_id) then null
  else array(select tenant_id from members where person_id = a.person_id order by created_at limit 1) end;

-- Links of before name no membership, so nobody is let in by them; the owner's excepted, which is made at each start.
alter table sign_in_links
  -- The membership that it accepts. Null: the link of the installation's owner.
  add column member_id uuid references members on delete cascade,
  -- It went to the address and nobody else saw it: who comes with it has proven the address.
  add column mailed boolean not null default false;
