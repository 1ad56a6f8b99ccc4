-- Of the models that the environment lists, those this tenant's brains may be answered by; null: all of them.
alter table tenants add column models_allowed text[];
