-- When a post last went out on the channel, to the minute.
alter table channels add column posted_at integer;
update channels set posted_at = m.at
from (select channel_id, max(settled_at) as at from deliveries
      where state = 'accepted' and started = 0 group by channel_id) m
where m.channel_id = channels.id;
