-- Ids of the instance keys that a node knows, with commas between them.
alter table nodes add column keys text not null default '';
