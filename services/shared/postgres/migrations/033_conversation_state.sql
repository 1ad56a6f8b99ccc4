-- What an application keeps of a conversation: part of the system prompt of its answers.
alter table conversations add column state jsonb not null default '{}';
alter table conversations add column state_version integer not null default 0;
