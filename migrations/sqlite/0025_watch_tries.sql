-- When the account was looked at last, whatever came of it.
alter table watches add column tried_at integer;
