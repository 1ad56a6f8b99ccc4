-- Fence of a document's vectors: an index run or a deletion raises it first, and what an older one still writes is refused.
-- In milliseconds, so that it also rises when the database was restored from a backup older than the vectors.
alter table documents add column index_epoch bigint not null default 0;
