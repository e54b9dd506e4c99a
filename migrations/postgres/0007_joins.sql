-- What the key is about, whichever occurrence of it: an alert that starts anew has another key, and the same thing.
alter table signals add column thing text not null default '';
-- An alert has its fingerprint and the millisecond of its start as key; a group, and our own form, have others.
update signals set thing = case when source in ('alertmanager', 'grafana') and key ~ '^[0-9a-f]{16} [0-9]{13}$'
  then left(key, 16) else key end;
-- How bad the incident was when the signal joined it; nothing: the incident was opened from it.
alter table signals add column incident_was text;
create index signals_of_thing on signals (said_by, source, thing, incident_id) where state = 'opened';
create index incidents_open on incidents (id) where state = 'open';
create index signals_of_incident on signals (incident_id) where incident_id is not null;
-- When it was handed to the approvers last; nothing: when it was written.
alter table posts add column submitted_at bigint;
create index notices_by_subject on notices (subject, created_at);
