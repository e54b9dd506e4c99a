-- That account was seen by a credential before the one that is in now.
alter table channels add column other_is_former boolean not null default false;
