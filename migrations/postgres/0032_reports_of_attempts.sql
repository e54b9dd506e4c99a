-- A report that waits is of the attempt that its word names: what is said of two attempts stands side by side.
alter table waiting_reports add column attempt bigint;
update waiting_reports set attempt = (word::json -> 'of' ->> 'attempt')::bigint;
alter table waiting_reports alter column attempt set not null;
alter table waiting_reports drop constraint waiting_reports_pkey;
alter table waiting_reports add primary key (delivery_id, attempt, who, fate);
