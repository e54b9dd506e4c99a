-- Times are unix milliseconds in UTC. Ids are UUIDv7 as text, made in Rust. JSON is text.

-- One row: what every send is judged by. `timeline` changes only by a person's confirmation.
create table gate (
  id bigint primary key,
  epoch bigint not null,
  timeline text not null,
  instance text not null,
  -- Which database this is, as seen from outside: a copy or a restore is another one.
  database text not null
);

create table nodes (
  id text primary key,
  name text not null,
  started_at bigint not null,
  last_seen_at bigint not null,
  acked_epoch bigint not null,
  closed_reason text,
  -- Which process this is: a new one with every start.
  incarnation text not null,
  -- When a person took it off the list; the row stays until nothing of it can be under way.
  forgotten_at bigint
);

create table people (
  id text primary key,
  name text not null,
  email text not null unique,
  roles text not null,
  created_at bigint not null,
  disabled_at bigint
);

-- Only the SHA-256 of a token is kept.
create table tokens (
  id text primary key,
  person_id text not null references people (id),
  label text not null,
  hash text not null unique,
  scopes text not null,
  created_at bigint not null,
  expires_at bigint,
  revoked_at bigint
);

-- The one-time way to a person's first token. Only the SHA-256 is kept; one for each person.
create table invitations (
  person_id text primary key references people (id),
  hash text not null unique,
  invited_by text not null,
  created_at bigint not null,
  expires_at bigint not null
);

create table settings (
  name text primary key,
  value text not null
);

-- Housekeeping that one node does for all: when each job was last taken.
create table turns (
  job text primary key,
  taken_at bigint not null
);

create table channels (
  id text primary key,
  name text not null unique,
  adapter text not null,
  brand text not null,
  settings text not null,
  -- Sealed with a data key of its own; see app/secrets.rs.
  credential text,
  drill boolean not null,
  disabled_at bigint,
  paused_until bigint not null,
  health text,
  checked_at bigint,
  created_at bigint not null,
  version bigint not null
);

create table incidents (
  id text primary key,
  slug text not null unique,
  title text not null,
  severity text not null,
  drill boolean not null,
  state text not null,
  opened_at bigint not null,
  resolved_at bigint,
  -- The time of the next promised update, and who was told that it is overdue.
  next_promise_at bigint,
  overdue_since bigint,
  opened_by text not null,
  version bigint not null
);

create table freezes (
  id text primary key,
  epoch bigint not null,
  scope text not null,
  reason text not null,
  incident_id text references incidents (id),
  committed_at bigint not null,
  sealed_at bigint,
  thawed_at bigint,
  frozen_by text not null,
  thawed_by text
);
create index freezes_in_force on freezes (epoch) where thawed_at is null;

create table posts (
  id text primary key,
  kind text not null,
  brand text not null,
  labels text not null,
  -- What was typed: one text for all, and texts by channel.
  source text not null,
  -- Title and texts in one form, for the search.
  words text not null,
  zone text not null,
  recurrence text,
  -- The post this one was computed from, by its recurrence.
  series_id text,
  incident_id text references incidents (id),
  author_id text not null,
  -- JSON list of everybody who wrote on it: none of them approves it.
  authors text not null,
  state text not null,
  due_at bigint not null,
  valid_until bigint,
  promise_at bigint,
  corrects text,
  created_at bigint not null,
  updated_at bigint not null,
  version bigint not null
);
create index posts_by_due on posts (due_at, id);
create index posts_by_incident on posts (incident_id, due_at) where incident_id is not null;
create index posts_waiting on posts (created_at, id) where state = 'submitted';
create index posts_recurring on posts (due_at, id) where recurrence is not null;

create table post_labels (
  label text not null,
  post_id text not null references posts (id),
  primary key (label, post_id)
);

-- One post on one channel.
create table deliveries (
  id text primary key,
  post_id text not null references posts (id),
  channel_id text not null references channels (id),
  -- 1 crisis, 0 routine.
  lane bigint not null,
  state text not null,
  -- When the sender looks at it: the due time, then the time of the next try.
  ready_at bigint not null,
  due_at bigint not null,
  valid_until bigint,
  rendition text not null,
  content_hash text not null,
  -- The hash that people approved, and until when the approval holds.
  approved_hash text,
  approved_until bigint,
  -- Tries that count towards the limit: one that never began is given back.
  attempts bigint not null,
  -- The number of the newest attempt. A number is never used twice.
  permits bigint not null,
  -- 0; or the version of the post whose edit put another delivery in the place of this one.
  replaced bigint not null,
  claimed_by text,
  freeze_id text,
  reason text,
  remote_id text,
  remote_url text,
  settled_at bigint,
  created_at bigint not null
);
-- The one index that claims use. A second one by time alone gets picked and spoils it.
create index deliveries_to_send on deliveries (lane, ready_at, id) where state = 'scheduled';
-- One post is once on a channel, whatever was edited before.
create unique index deliveries_by_post on deliveries (post_id, channel_id, replaced);
-- SQLite sees that a state is on one of these lists when it is joined by `or`, and not by `in`.
create index deliveries_in_hand on deliveries (claimed_by) where state = 'claimed' or state = 'sending';
create index deliveries_waiting on deliveries (state, id)
  where state = 'held' or state = 'in_doubt' or state = 'failed' or state = 'expired';
create index deliveries_held on deliveries (freeze_id) where state = 'held';
create index deliveries_by_freeze on deliveries (freeze_id) where freeze_id is not null;

-- One try at a delivery, written before the first byte leaves. `body` are the frozen bytes.
create table attempts (
  id text primary key,
  delivery_id text not null references deliveries (id),
  number bigint not null,
  idempotency_key text not null,
  content_hash text not null,
  body text not null,
  node_id text not null,
  epoch bigint not null,
  permitted_at bigint not null,
  outcome text,
  detail text,
  remote_id text,
  settled_at bigint,
  reads bigint not null,
  absent bigint not null,
  next_read_at bigint
);
create unique index attempts_by_delivery on attempts (delivery_id, number);
create index attempts_unsettled on attempts (node_id) where outcome is null;
create index attempts_to_read on attempts (next_read_at) where next_read_at is not null;

-- What had begun and was not settled when a node closed its gate for a freeze.
create table flights (
  freeze_id text not null references freezes (id),
  attempt_id text not null references attempts (id),
  primary key (freeze_id, attempt_id)
);

-- What people decided about the exact renditions of a post.
create table approvals (
  id text primary key,
  post_id text not null references posts (id),
  person_id text not null,
  decision text not null,
  -- SHA-256 over all that was shown: words for each channel, times, labels, promise; domain/approval.rs.
  bundle text not null,
  comment text,
  decided_at bigint not null,
  expires_at bigint,
  voided_at bigint,
  review_owed boolean not null,
  reviewed_by text
);
create index approvals_by_post on approvals (post_id, decided_at);

create table media (
  sha256 text primary key,
  mime text not null,
  bytes bytea not null,
  created_at bigint not null
);

-- What the public page shows; one row for one delivery.
create table site_entries (
  delivery_id text primary key,
  incident_id text not null,
  kind text not null,
  title text,
  text text not null,
  language text not null,
  published_at bigint not null,
  promise_at bigint,
  corrects text,
  retracted_at bigint
);
create index site_by_incident on site_entries (incident_id, published_at);

-- Imports of all rows or none. The rows wait here until the whole is decided; then they move into
-- posts, a few at a time, so that nothing waits long for an import.
create table imports (
  id text primary key,
  person_id text not null,
  origin text not null,
  decided boolean not null,
  touched_at bigint not null
);

create table import_rows (
  import_id text not null references imports (id),
  number bigint not null,
  built text not null,
  primary key (import_id, number)
);

-- Answers kept for a repeated POST with the same Idempotency-Key.
create table idempotency (
  person_id text not null,
  key text not null,
  request_hash text not null,
  -- Which process took it: without an answer, and with that process gone, nobody knows what was done.
  node_id text not null,
  started_at bigint not null,
  status bigint,
  body text,
  expires_at bigint not null,
  primary key (person_id, key)
);

-- The audit log: leaves of an RFC 6962 tree, and every complete subtree of 256, 65536, ... leaves.
create table audit (
  seq bigint primary key,
  at bigint not null,
  actor text not null,
  verb text not null,
  subject text not null,
  entry bytea not null,
  leaf_hash bytea not null
);
create index audit_by_subject on audit (subject, seq);

create table audit_nodes (
  level bigint not null,
  idx bigint not null,
  hash bytea not null,
  primary key (level, idx)
);

create table audit_head (
  id bigint primary key,
  size bigint not null,
  -- The hashes of the complete subtrees on the right edge, largest first, 32 bytes each.
  frontier bytea not null
);
insert into audit_head (id, size, frontier) values (1, 0, ''::bytea);

create table checkpoints (
  size bigint primary key,
  note text not null,
  signed_at bigint not null
);

-- The queue is rewritten all the time: keep its dead rows few.
alter table deliveries set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
