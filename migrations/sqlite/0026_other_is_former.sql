-- That account was seen by a credential before the one that is in now.
alter table channels add column other_is_former integer not null default 0;
