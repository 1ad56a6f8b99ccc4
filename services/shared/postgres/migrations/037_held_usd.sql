-- Of a job's price, what its vectors cost, and how much of that is still to come: it is held of the day's dollars after the
-- pages are read until the vectors stand. Null: of a job from before, whose price is held with its pages alone.
alter table jobs add column embedding_usd numeric(14, 6) check (embedding_usd >= 0);
alter table jobs add column embedding_usd_left numeric(14, 6) not null default 0 check (embedding_usd_left >= 0);

-- What is entered in the ledger when whoever held a reservation died: it was billed all the same. Null: nothing yet.
alter table reservations add column brain_id uuid;
alter table reservations add column entries jsonb;
