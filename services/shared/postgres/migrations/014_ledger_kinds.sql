-- Computing time is counted, too. Not validated: every row there satisfies the narrower check before it.
alter table ledger drop constraint ledger_kind_check;
alter table ledger add constraint ledger_kind_check check (kind in
  ('pages', 'embedding_tokens', 'model_tokens_in', 'model_tokens_out', 'question', 'compute_ms')) not valid;
