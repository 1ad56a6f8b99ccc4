-- What was done for a lease, caller or document that was gone. Its cost stands with the tokens and calls themselves.
-- Not validated: every row there satisfies the narrower check before it.
alter table ledger drop constraint ledger_kind_check;
alter table ledger add constraint ledger_kind_check check (kind in ('pages', 'embedding_tokens', 'model_tokens_in',
  'model_tokens_out', 'rerank_calls', 'question', 'compute_ms', 'parser_calls', 'parser_pages', 'wasted_pages',
  'wasted_tokens')) not valid;
