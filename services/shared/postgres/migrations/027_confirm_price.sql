-- Documents that cost more, or whose price nobody knows, wait until a person says that they may be read; null: none does.
alter table tenants add column confirm_usd_above numeric(14, 6) check (confirm_usd_above >= 0);
