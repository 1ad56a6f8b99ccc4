-- What a person thinks of an answer: thumbs up or down; null: nothing said.
alter table turns add column verdict text;
-- Not validated: every row there has none.
alter table turns add constraint turns_verdict_check check (verdict in ('up', 'down')) not valid;
