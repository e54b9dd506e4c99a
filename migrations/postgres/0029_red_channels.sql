-- Channels on which a post would fail, as their checks saw it: people are told once of each, when it has lasted for a
-- few minutes, and once more when it is well again. state: seen, told, mending; since is when that began.
create table red_channels (
  channel_id text primary key references channels (id),
  state text not null,
  since bigint not null
);
