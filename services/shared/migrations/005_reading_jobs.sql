-- Documents of a brain that are still being read, counted at each question: without a look at every document.
create index jobs_reading on jobs (brain_id)
  where kind = 'ingest' and status in ('awaiting_confirmation', 'queued', 'running');
