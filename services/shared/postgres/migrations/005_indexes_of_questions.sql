-- Documents of a brain that are still being read, counted at each question: without a look at every document.
create index jobs_reading on jobs (brain_id)
  where kind = 'ingest' and status in ('awaiting_confirmation', 'queued', 'running');

-- For the sweeper alone. With `status = 'streaming'` as its condition it looked right for every statement about one turn
-- that must still stream, which then walked through all turns that had streamed since the last vacuum.
drop index turns_streaming;
create index turns_unfinished on turns (lease_until) where finished_at is null;
