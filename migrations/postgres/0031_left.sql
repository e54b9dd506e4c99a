-- 1: content of the attempt has left, although it is not accepted. A freeze that was committed before then lists it.
alter table attempts add column has_left bigint not null default 0;
