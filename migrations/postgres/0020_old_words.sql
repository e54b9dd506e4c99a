-- When the post was approved for the first time. An edit, a rejection or a cancellation later leaves it as it is.
alter table posts add column approved_at bigint;
update posts set approved_at = updated_at where state = 'approved' and revises is not null;
-- The later posts of a recurrence, whose earlier one got other words.
create index posts_by_series on posts (series_id) where series_id is not null;
