-- What the console needs: how people sign in, and how they like to see it.

-- How a person proves who they are. The second factor's secret is sealed; see app/secrets.rs.
create table logins (
  person_id text primary key references people (id),
  -- Argon2id, in the PHC string format.
  password text not null,
  totp text not null,
  -- The last time step that was used: a code counts once.
  totp_step integer not null,
  changed_at integer not null
) strict;

-- One-time codes for whoever lost the second factor. Only the SHA-256 is kept.
create table recovery_codes (
  person_id text not null references people (id),
  hash text not null,
  primary key (person_id, hash)
) strict;

-- Only the SHA-256 of the cookie is kept.
create table sessions (
  id text primary key,
  person_id text not null references people (id),
  hash text not null unique,
  created_at integer not null,
  seen_at integer not null,
  expires_at integer not null,
  -- When the second factor was last shown.
  proved_at integer not null,
  ended_at integer,
  origin text not null,
  agent text not null
) strict;
create index sessions_of_person on sessions (person_id, created_at);

-- Sign-ins that failed, to slow down whoever guesses.
create table failed_sign_ins (
  email text not null,
  origin text not null,
  at integer not null
) strict;
create index failed_sign_ins_by_time on failed_sign_ins (at);

create table preferences (
  person_id text primary key references people (id),
  language text not null,
  theme text not null,
  zone text not null
) strict;

-- The prepared plan of an incident, and how far it is.
alter table incidents add column playbook text;

create table incident_steps (
  incident_id text not null references incidents (id),
  step text not null,
  done_at integer not null,
  done_by text not null,
  primary key (incident_id, step)
) strict;

create table incident_notes (
  id text primary key,
  incident_id text not null references incidents (id),
  person_id text not null,
  text text not null,
  created_at integer not null
) strict;
create index notes_of_incident on incident_notes (incident_id, created_at);

-- Mails to people of the team, written in the change that causes them and sent afterwards.
create table notices (
  id text primary key,
  person_id text not null references people (id),
  kind text not null,
  subject text not null,
  created_at integer not null,
  tries integer not null,
  next_try_at integer,
  sent_at integer,
  error text
) strict;
create index notices_to_send on notices (next_try_at) where next_try_at is not null;
