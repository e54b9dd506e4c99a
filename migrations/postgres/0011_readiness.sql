-- When a post last went out on the channel, to the minute.
alter table channels add column posted_at bigint;
update channels set posted_at = (select max(settled_at) from deliveries
    where deliveries.channel_id = channels.id and state = 'accepted' and started = 0);
