-- The post that is out and gets the words of this one in its place.
alter table posts add column revises text references posts (id);
create index posts_by_revised on posts (revises) where revises is not null;
-- When an entry of the page got other words, and by which delivery.
alter table site_entries add column corrected_at bigint;
alter table site_entries add column revised_by text;
