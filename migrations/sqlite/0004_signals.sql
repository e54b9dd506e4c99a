-- What monitoring systems say, for a person to decide about.
create table signals (
  id text primary key,
  -- Who said it, in the name of which system, and what that calls the thing: together they tell a repetition.
  said_by text not null,
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
  -- What times was when the title or the severity changed last: who read it before that read something else.
  worded integer not null,
  -- When the log was told of it last, and the worst severity that the log was told of.
  logged_at integer not null,
  loudest text,
  -- When the monitoring system said that it is over; a decided signal keeps its state.
  ended_at integer,
  decided_at integer,
  decided_by text,
  note text,
  incident_id text references incidents (id)
) strict;
-- What waits is there once.
create unique index signals_waiting on signals (said_by, source, key) where state = 'waiting';
create index signals_by_key on signals (said_by, source, key, first_seen_at);
create index signals_by_time on signals (first_seen_at);
-- What ended before anybody looked.
create index signals_ended on signals (ended_at) where state = 'ended';
