-- Whose a post is that a network knows by its words alone: by the network's id, and what a person settled without one.
-- The channel comes first, so that the same index tells whether posts of a channel are out.
create index deliveries_by_remote on deliveries (channel_id, remote_id) where remote_id is not null;
create index attempts_without_id on attempts (permitted_at) where outcome = 'accepted' and remote_id is null;
