-- Text first, vectors after: what of a document has vectors, and the model that a brain is being embedded anew with.
alter table documents
  -- Its text can be searched; vectors are still to come.
  add column vectors_pending boolean not null default false,
  -- The model of its vectors; null: it has none.
  add column vectors_model text,
  add column vectors_dimensions integer,
  -- Every chunk up to this page has them.
  add column vectors_page integer not null default 0;

alter table brains
  -- Null: it is not being embedded anew. Until all of its documents have these vectors, `embedding_model` serves.
  add column next_embedding_model text,
  add column next_embedding_dimensions integer;

-- Not validated: every row there satisfies the narrower check before it.
alter table jobs drop constraint jobs_kind_check;
alter table jobs add constraint jobs_kind_check
  check (kind in ('ingest', 'delete_document', 'delete_brain', 'reindex')) not valid;
