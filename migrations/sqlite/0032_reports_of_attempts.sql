-- A report that waits is of the attempt that its word names: what is said of two attempts stands side by side.
create table waiting_reports_of_attempts (
  delivery_id text not null references deliveries (id),
  attempt integer not null,
  who text not null,
  fate text not null,
  word text not null,
  at integer not null,
  primary key (delivery_id, attempt, who, fate)
) strict;
insert into waiting_reports_of_attempts (delivery_id, attempt, who, fate, word, at)
  select delivery_id, json_extract(word, '$.of.attempt'), who, fate, word, at from waiting_reports;
drop table waiting_reports;
alter table waiting_reports_of_attempts rename to waiting_reports;
