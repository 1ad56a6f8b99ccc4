-- How a model's answer ended; a question asked again after it was lost; an answer that goes on where another was cut.
alter table turns add column finish_reason text;
-- Both name a turn of the same conversation, which is deleted with it: no foreign key.
alter table turns add column retry_of uuid;
alter table turns add column continues uuid;
-- Asked again: by one turn only.
alter table turns add column retried boolean not null default false;
-- As one of the day's questions; the first retry of one that was is not.
alter table turns add column counted boolean not null default true;
