-- What monitoring systems say, for a person to decide about.
create table signals (
  id text primary key,
  -- Which system said it, and what it calls the thing: together they tell a repetition.
  source text not null,
  key text not null,
  title text not null,
  detail text,
  url text,
  severity text,
  playbook text,
  state text not null,
  first_seen_at integer not null,
  last_seen_at integer not null,
  -- How often it was said.
  times integer not null,
  -- When the monitoring system said that it is over; a decided signal keeps its state.
  ended_at integer,
  decided_at integer,
  decided_by text,
  note text,
  incident_id text references incidents (id)
) strict;
-- What waits is there once.
create unique index signals_waiting on signals (source, key) where state = 'waiting';
create index signals_by_key on signals (source, key, first_seen_at);
create index signals_by_time on signals (first_seen_at);
