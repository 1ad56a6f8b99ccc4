-- What a person thinks of an answer: thumbs up or down; null: nothing said.
alter table turns add column verdict text check (verdict in ('up', 'down'));

-- Listed by tenant, newest first; most turns have none.
create index turns_verdict on turns (tenant_id, id) where verdict is not null;
