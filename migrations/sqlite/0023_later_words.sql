-- The change of an earlier post of the recurrence that was approved while this delivery was under way: it is held before its next
-- permit, with that reason, and the column is empty again.
alter table deliveries add column stopped_by text;
