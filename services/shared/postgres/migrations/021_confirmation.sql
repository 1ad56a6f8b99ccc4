-- Documents of more pages wait until a person says that they may be read; null: none does.
alter table tenants add column confirm_pages_above integer check (confirm_pages_above > 0);
