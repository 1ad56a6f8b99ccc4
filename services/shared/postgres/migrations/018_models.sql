-- What the owner of a brain wants of every answer.
alter table brains add column instructions text not null default '';
-- Which model was used, and a cost that nobody knows is no cost of nothing.
alter table ledger add column model text;
alter table ledger alter column cost_usd drop not null;
