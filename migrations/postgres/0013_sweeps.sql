-- The last look at what a network publishes by itself on a channel.
create table sweeps (
  channel_id text primary key references channels (id),
  -- The newest freeze that it was for.
  epoch bigint not null,
  node_id text not null,
  begun_at bigint not null,
  ended_at bigint,
  -- How many were on the schedule; nothing: it could not be read, and error says why.
  listed bigint,
  error text,
  -- What the account may not see.
  unseen text,
  -- When the last look ended, and the freeze that it was for: what listed, error and unseen are of.
  seen_at bigint,
  seen_epoch bigint
);
-- Posts that somebody scheduled inside a network, and what became of them under a freeze.
create table swept (
  id text primary key,
  channel_id text not null references channels (id),
  -- The freeze that it was found under.
  freeze_id text not null references freezes (id),
  -- Where the channel led then.
  place text not null,
  remote_id text not null,
  due_at bigint not null,
  words text not null,
  -- Everything that is needed to put it back, written down before it is touched.
  snapshot text not null,
  -- What the network showed: as it was found, and as the hold left it.
  mark text not null,
  kept_mark text,
  state text not null,
  reason text,
  -- Who works on it has it until then, or it rests until then; and how often it was taken in hand.
  in_hand_until bigint not null,
  tries bigint not null,
  -- When a request to hold it left of which nobody has seen what it did.
  asked_at bigint,
  restore_at bigint,
  new_id text,
  found_at bigint not null,
  changed_at bigint not null
);
-- What can still change is there once, also when two channels lead to one account.
create unique index swept_live on swept (place, remote_id)
  where state in ('found', 'holding', 'held', 'could_not', 'restoring', 'dropping');
create index swept_by_state on swept (state, id)
  where state in ('found', 'holding', 'held', 'could_not', 'restoring', 'dropping');
create index swept_by_freeze on swept (freeze_id);
