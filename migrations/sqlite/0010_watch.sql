-- The accounts that are looked at for posts which nobody here sent.
create table watches (
  channel_id text primary key references channels (id),
  -- Which account that is, in the network's own words; empty until a look has succeeded.
  account text not null,
  -- What people call it.
  shown text not null,
  -- Since when it is looked at, and when that succeeded last.
  since integer not null,
  looked_at integer,
  -- Why looks fail, and since when.
  trouble text,
  troubled_at integer
) strict;
create index watches_by_account on watches (account);

-- The posts that were seen on them, each once.
create table seen_posts (
  account text not null,
  remote_id text not null,
  channel_id text not null references channels (id),
  -- known: it was there before; ours; open: it may be ours; foreign: nobody here sent it; unsure: it was there
  -- before the database was confirmed, or is dated before the first look.
  state text not null,
  seen_at integer not null,
  -- When the network says that it was made.
  posted_at integer,
  url text,
  words text not null,
  -- The alarm about it.
  signal_id text references signals (id),
  primary key (account, remote_id)
) strict;
-- What is judged again at the next look.
create index seen_posts_open on seen_posts (account) where state = 'open';
create index seen_posts_by_time on seen_posts (seen_at) where state in ('open', 'foreign', 'unsure');
create index seen_posts_by_signal on seen_posts (signal_id) where signal_id is not null;

-- The parts of threads that are out are written down with their attempt.
create index attempts_with_handle on attempts (permitted_at) where handle is not null;
