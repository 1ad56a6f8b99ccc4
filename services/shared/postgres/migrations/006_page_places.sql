-- Where a page's result stands in its checkpoint object, pages without text, and a fence that knows every lease.

-- Null in rows written before: the object is then one gzipped array of all its pages.
alter table pages
  add column object_offset bigint,
  add column object_bytes integer,
  -- Of the result as JSON, so that a list of pages can be bounded before they are read.
  add column result_bytes integer,
  -- Something is drawn on the page, but it holds no text: a scan?
  add column without_text boolean not null default false;

alter table jobs
  add column pages_without_text integer not null default 0,
  -- The highest epoch of a lease that has begun. A new attempt starts above it, so no earlier lease passes the fence.
  add column lease_epoch bigint not null default 0;
