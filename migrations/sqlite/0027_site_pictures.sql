-- The pictures of an entry, in their order, as JSON; nothing: it has none.
alter table site_entries add column pictures text;
