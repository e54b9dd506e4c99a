-- Whether the last look at the account saw all that is there.
alter table watches add column whole integer not null default 0;
